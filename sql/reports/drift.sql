-- what differs, as the newest comparison of a run found it
-- grain: one difference; key: drift_id
with found as (
    select c.id, p.body, p.unplanned
    from comparison as c
    left join plan as p on p.comparison_id = c.id
    where c.environment = :environment and c.run_id = :run_id
),

due as (
    select distinct on (found.id, d.drift_id) found.id as comparison_id, d.drift_id, a.action -> 'due_now' as due_now
    from found
    cross join lateral jsonb_array_elements(found.body -> 'actions') with ordinality as a (action, n)
    cross join lateral jsonb_array_elements_text(a.action -> 'drift') as d (drift_id)
    where a.action -> 'due_now' <> '{}'
    order by found.id, d.drift_id, a.n
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
    coalesce(found.unplanned ->> d.key, '') as not_planned_because
from found
inner join drift as d on d.comparison_id = found.id
left join due on due.comparison_id = found.id and due.drift_id = d.id
order by d.severity, d.kind, d.key, d.field
