-- question: the repairs since yesterday, with the run and the approval of each
-- grain: one write that was made
-- keys: intent_id
select
    w.intent_id,
    w.finished_at,
    w.lane,
    w.kind,
    w.target,
    w.action ->> 'sentence' as sentence,
    w.action -> 'due_now' as due_now,
    w.stripe_id,
    w.request_id,
    w.run_id,
    a.decided_by as approved_by,
    a.reason as approved_because
from stripe_sync.writes as w
inner join stripe_sync.run as r on r.environment = w.environment and r.run_id = w.run_id
left join lateral (
    select decided_by, reason from stripe_sync.approval
    where environment = w.environment and actions @> array[w.action_hash] and state in ('approved', 'applied')
    order by decided_at desc
    limit 1
) as a on true
where w.environment = :environment and w.result = 'done' and r.started_at > cast(:now as timestamptz) - interval '1 day'
order by w.intent_id desc
