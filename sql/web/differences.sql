-- what differs about one entity, field by field, by a comparison
-- grain: one difference
select d.sentence, d.per_month, d.field, d.before, d.after, d.severity, d.since, d.accepted, d.reason, d.kind
from unrepaired(:comparison) as d
where d.entity_kind = :kind and d.entity_id = :id
order by d.kind, d.key, d.field
limit 500
