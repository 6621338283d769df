-- question: the entities with one Stripe id
-- grain: one entity
-- keys: kind, id
select s.kind, s.id, s.status, s.reason, s.detail, s.stripe_id, s.changed_at
from stripe_sync.statuses as s
where s.environment = :environment and s.stripe_id = :q
order by s.kind, s.id
limit :most
