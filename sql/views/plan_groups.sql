-- question: the action groups of the stored plans, with the decision of the guards
-- grain: one action group of one plan
-- keys: environment, run_id, action_group; amounts are objects of minor units by currency
select
    p.environment,
    p.run_id,
    p.hash as plan,
    v.value ->> 'group' as action_group,
    v.value ->> 'decision' as decision,
    jsonb_array_length(v.value -> 'actions') as actions,
    v.value -> 'due_now' as due_now,
    v.value -> 'per_month' as per_month,
    array_to_string(array(select jsonb_array_elements_text(v.value -> 'refusals')), ' ') as refusals
from stripe_sync.plan as p
cross join lateral jsonb_array_elements(p.guard_results) as v
