-- question: the writes of a run, newest first
-- grain: one write
-- keys: intent_id
select
    w.intent_id, w.run_id, w.kind, w.target, w.result, w.stripe_id, w.request_id, w.reason, w.detail, w.finished_at
from stripe_sync.writes as w
where w.environment = :environment and w.run_id = :run_id
order by w.intent_id desc
