-- question: when did the first run with a write start? Unix seconds.
-- grain: one run, or none; keys: environment
select extract(epoch from r.started_at)::bigint as started_at
from stripe_sync.journal_intent as i
inner join stripe_sync.journal_outcome as o on o.intent_id = i.id
inner join stripe_sync.run as r on r.environment = i.environment and r.run_id = i.run_id
where i.environment = :environment and o.result = 'done'
order by i.id
limit 1
