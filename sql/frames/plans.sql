-- question: the actions of the stored plans, with the decision of the limits and the result of the write
-- grain: one action and currency; an action without an amount is one row without a currency
-- keys: run_id, number, currency; amounts are minor units, exact
select
    p.hash as plan,
    p.run_id,
    p.planned_at,
    a.number,
    a.action ->> 'lane' as lane,
    a.action ->> 'kind' as kind,
    a.action ->> 'target' as target,
    a.action -> 'entity' ->> 0 as entity_kind,
    a.action -> 'entity' ->> 1 as entity_id,
    a.action ->> 'sentence' as sentence,
    v.decision,
    r.result,
    c.currency,
    cast(a.action -> 'due_now' ->> c.currency as numeric) as due_now,
    cast(a.action -> 'per_month' ->> c.currency as numeric) as monthly_amount
from plan as p
cross join lateral jsonb_array_elements(p.body -> 'actions') with ordinality as a (action, number)
left join lateral (
    select e.value ->> 'decision' as decision
    from jsonb_array_elements(p.verdicts) as e
    where e.value ->> 'group' = concat_ws('/', a.action ->> 'lane', a.action ->> 'kind', a.action ->> 'cause')
) as v on true
left join lateral (
    select o.result
    from journal_intent as i
    inner join journal_outcome as o on o.intent_id = i.id
    where
        i.environment = p.environment and i.run_id = p.run_id
        and i.target = a.action ->> 'target' and i.kind = a.action ->> 'kind'
    order by i.id desc
    limit 1
) as r on true
left join lateral (
    select jsonb_object_keys(a.action -> 'due_now')
    union
    select jsonb_object_keys(a.action -> 'per_month')
) as c (currency) on true
where p.environment = :environment
order by p.planned_at desc, p.run_id, a.number, c.currency
