-- question: the differences that a person accepted, with the reason
-- grain: one accepted difference
select d.kind, d.entity_kind, d.entity_id, d.stripe_id, d.field, d.sentence, d.per_month, i.reason, i.ignored_by, i.ignored_at
from stripe_sync.open_drift_at(:comparison) as d
left join stripe_sync.ignored as i on i.environment = d.environment and i.key = d.key
where d.accepted
order by d.kind, d.key, d.field
