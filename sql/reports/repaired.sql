-- what was repaired since yesterday, by which run, and who approved it
-- grain: one write that was made; key: intent_id
select
    i.id as intent_id,
    o.finished_at,
    i.lane,
    i.kind,
    i.target,
    i.action ->> 'sentence' as sentence,
    i.action -> 'due_now' as due_now,
    o.stripe_id,
    o.request_id,
    i.run_id,
    a.decided_by as approved_by,
    a.reason as approved_because
from journal_intent as i
inner join journal_outcome as o on o.intent_id = i.id and o.result = 'done'
inner join run as r on r.environment = i.environment and r.run_id = i.run_id
left join lateral (
    select decided_by, reason from approval
    where environment = i.environment and actions @> array[i.action_hash] and state in ('approved', 'applied')
    order by decided_at desc
    limit 1
) as a on true
where i.environment = :environment and r.started_at > cast(:now as timestamptz) - interval '1 day'
order by i.id desc
