-- question: which drift rows does a comparison have, of some keys or of all?
-- grain: one difference; key: id
select
    id, kind, key, entity_kind, entity_id, stripe_id, state, field, before, after, severity, sentence, per_month,
    stripe_url, stigg_url, accepted, since
from stripe_sync.drift_at(:comparison_id)
where cast(:keys as text[]) is null or key = any(cast(:keys as text[]))
order by kind, key, field
