-- question: the actions of the stored plans, with the decision of the guards and the result of the write
-- grain: one action and currency; an action without an amount is one row without a currency
-- keys: run_id, number, currency; amounts are minor units, exact
select
    a.plan,
    a.run_id,
    a.planned_at,
    a.number,
    a.lane,
    a.kind,
    a.target,
    a.entity_kind,
    a.entity_id,
    a.sentence,
    a.decision,
    w.result,
    c.currency,
    cast(a.due_now ->> c.currency as numeric) as due_now,
    cast(a.per_month ->> c.currency as numeric) as monthly_amount
from stripe_sync.plan_actions as a
left join stripe_sync.writes as w on w.intent_id = a.intent_id
left join lateral (
    select jsonb_object_keys(a.due_now)
    union
    select jsonb_object_keys(a.per_month)
) as c (currency) on true
where a.environment = :environment
order by a.planned_at desc, a.run_id, a.number, c.currency
