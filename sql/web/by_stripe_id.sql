-- the entities of one Stripe id
-- grain: one entity; key: kind, id
select kind, id, status, reason, detail, stripe_id, changed_at
from status
where environment = :environment and stripe_id = :q
order by kind, id
limit :most
