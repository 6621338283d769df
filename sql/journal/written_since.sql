-- question: how many writes succeeded since a time?
-- grain: one lane; keys: environment, since
select i.lane, count(*) as writes
from stripe_sync.journal_intent as i
inner join stripe_sync.journal_outcome as o on o.intent_id = i.id
where i.environment = :environment and o.result = 'done' and o.finished_at >= :since
group by i.lane
