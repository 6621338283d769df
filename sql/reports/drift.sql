-- what differs, as the newest comparison of a run found it
-- grain: one difference; key: drift_id
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
    coalesce(
        (
            select a.value -> 'due_now'
            from jsonb_array_elements(p.body -> 'actions') as a
            where a.value -> 'drift' ? d.id and a.value -> 'due_now' <> '{}'
            limit 1
        ),
        '{}'
    ) as due_now,
    d.since,
    d.accepted,
    d.stripe_url,
    d.stigg_url,
    coalesce(p.unplanned ->> d.key, '') as not_planned_because
from drift as d
inner join comparison as c on c.id = d.comparison_id
left join plan as p on p.comparison_id = c.id
where c.environment = :environment and c.run_id = :run_id
order by d.severity, d.kind, d.key, d.field
