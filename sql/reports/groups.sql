-- the groups of a run's plan and the guards' word on each
-- grain: one group; key: group
select
    v.value ->> 'group' as "group",
    v.value ->> 'decision' as decision,
    jsonb_array_length(v.value -> 'actions') as actions,
    v.value -> 'due_now' as due_now,
    v.value -> 'per_month' as per_month,
    array_to_string(array(select jsonb_array_elements_text(v.value -> 'refusals')), ' ') as refusals
from plan as p
cross join lateral jsonb_array_elements(p.verdicts) as v
where p.environment = :environment and p.run_id = :run_id
order by 1
