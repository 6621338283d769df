-- question: the actions of one plan in its order, with the result of each
-- grain: one action
with first_actions as (
    select a.number, a.sentence, a.kind, a.due_now, a.per_month, a.intent_id
    from stripe_sync.plan_actions as a
    where a.environment = :environment and a.run_id = :run_id
    order by a.number
    limit 500
)

select a.number, a.sentence, a.kind, a.due_now, a.per_month, w.result, w.request_id
from first_actions as a
left join stripe_sync.writes as w on w.intent_id = a.intent_id
order by a.number
