-- question: the statuses of some entities
-- grain: one entity
-- keys: kind, id
select s.kind, s.id, s.status, s.reason, s.detail, s.stripe_id, s.changed_at
from stripe_sync.statuses as s
where s.environment = :environment and s.id = any(cast(:ids as text[]))
order by s.kind, s.id
