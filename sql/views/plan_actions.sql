-- question: the actions of the stored plans, with the decision of the guards and the result of the newest write
-- grain: one action of one plan; number is its place in the plan
-- keys: environment, run_id, number; amounts are objects of minor units by currency
select
    p.environment,
    p.run_id,
    p.hash as plan,
    p.comparison_id,
    p.planned_at,
    a.number,
    a.action,
    a.action ->> 'lane' as lane,
    a.action ->> 'kind' as kind,
    a.action ->> 'target' as target,
    a.action -> 'entity' ->> 0 as entity_kind,
    a.action -> 'entity' ->> 1 as entity_id,
    a.action ->> 'sentence' as sentence,
    a.action -> 'due_now' as due_now,
    a.action -> 'per_month' as per_month,
    (
        select e.value ->> 'decision'
        from jsonb_array_elements(p.guard_results) as e
        where e.value ->> 'group' = concat_ws('/', a.action ->> 'lane', a.action ->> 'kind', a.action ->> 'cause')
        limit 1
    ) as decision,
    (
        select i.id
        from stripe_sync.journal_intent as i
        where
            i.environment = p.environment and i.run_id = p.run_id
            and i.target = a.action ->> 'target' and i.kind = a.action ->> 'kind'
        order by i.id desc
        limit 1
    ) as intent_id
from stripe_sync.plan as p
cross join lateral jsonb_array_elements(p.body -> 'actions') with ordinality as a (action, number)
