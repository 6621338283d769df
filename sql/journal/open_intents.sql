-- question: which intents of a lane have no outcome? With the start of their run, and their age by the database's clock.
-- grain: one intent, in order of id; keys: environment, lane
select
    i.id,
    i.action,
    r.started_at as since,
    now() - i.intended_at as age,
    (select w.id from stripe_sync.warehouse as w) as warehouse
from stripe_sync.journal_open as o
inner join stripe_sync.journal_intent as i on i.id = o.intent_id
inner join stripe_sync.run as r on r.environment = i.environment and r.run_id = i.run_id
where o.environment = :environment and o.lane = :lane
order by i.id
