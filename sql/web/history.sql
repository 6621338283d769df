-- question: the writes about one entity, newest first
-- grain: one write
select w.finished_at, w.kind, w.target, w.result, w.stripe_id, w.request_id, w.reason, w.detail, w.run_id
from stripe_sync.writes as w
where w.environment = :environment and w.entity_id = :id and w.entity_kind = :kind
order by w.intent_id desc
limit 200
