-- question: the open differences of one entity, field by field
-- grain: one difference
select d.sentence, d.per_month, d.field, d.before, d.after, d.severity, d.since, d.accepted, d.reason, d.kind
from stripe_sync.open_drift as d
where d.environment = :environment and d.entity_kind = :kind and d.entity_id = :id
order by d.kind, d.key, d.field
limit 500
