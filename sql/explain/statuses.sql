-- the statuses of some entities
-- grain: one entity; keys: kind, id
select kind, id, status, reason, detail, stripe_id, changed_at
from status where environment = :environment and id = any(cast(:ids as text[])) order by kind, id
