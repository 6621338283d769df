-- the drift rows of a comparison
-- grain: one difference; key: id
select
    id, kind, key, entity_kind, entity_id, stripe_id, state, field, before, after, severity, sentence, per_month,
    stripe_url, stigg_url, accepted, since
from drift
where comparison_id = :comparison_id
order by kind, key, field
