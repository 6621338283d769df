-- question: which differences does a comparison have?
-- grain: one difference; key: drift_id
with planned as (
    select body, unplanned
    from stripe_sync.plan
    where comparison_id = :comparison
),

due as (
    select distinct on (d.drift_id) d.drift_id, a.action -> 'due_now' as due_now
    from planned
    cross join lateral jsonb_array_elements(planned.body -> 'actions') with ordinality as a (action, n)
    cross join lateral jsonb_array_elements_text(a.action -> 'drift') as d (drift_id)
    where a.action -> 'due_now' <> '{}'
    order by d.drift_id, a.n
)

select
    d.id as drift_id,
    d.kind,
    d.key,
    d.entity_kind,
    d.entity_id,
    d.stripe_id,
    d.state,
    d.field,
    d.before,
    d.after,
    d.severity,
    d.sentence,
    d.per_month,
    coalesce(due.due_now, '{}') as due_now,
    d.since,
    d.accepted,
    d.stripe_url,
    d.stigg_url,
    coalesce(planned.unplanned ->> d.key, '') as not_planned_because
from stripe_sync.drift_at(:comparison) as d
left join planned on true
left join due on due.drift_id = d.id
order by d.severity, d.kind, d.key, d.field
