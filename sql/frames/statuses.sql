-- question: the status of every entity, with its reason
-- grain: one entity
-- keys: kind, id
select s.kind, s.id, s.status, nullif(s.reason, '') as reason, nullif(s.detail, '') as detail, s.stripe_id, s.changed_at
from stripe_sync.statuses as s
where s.environment = :environment
order by s.kind, s.id
