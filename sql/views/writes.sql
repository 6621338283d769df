-- question: the intended writes, each with its outcome
-- grain: one write; the outcome is absent while the write is open
-- keys: intent_id; action is the document of the action
select
    i.id as intent_id,
    i.environment,
    i.run_id,
    i.lane,
    i.kind,
    i.target,
    i.action #>> '{entity,0}' as entity_kind,
    i.action #>> '{entity,1}' as entity_id,
    i.action,
    i.action_hash,
    i.intended_at,
    o.result,
    o.stripe_id,
    o.request_id,
    o.reason,
    o.detail,
    o.finished_at
from stripe_sync.journal_intent as i
left join stripe_sync.journal_outcome as o on o.intent_id = i.id
