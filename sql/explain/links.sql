-- question: which links, open and ended, do some link keys have?
-- grain: one link; key: id
select key, stripe_id, source, created_at, ended_at, ended_by
from stripe_sync.link where environment = :environment and key = any(cast(:keys as text[])) order by key, id
