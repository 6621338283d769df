-- what a run wrote, newest first
-- grain: one write; key: intent_id
select
    i.id as intent_id,
    i.run_id,
    i.kind,
    i.target,
    o.result,
    o.stripe_id,
    o.request_id,
    o.reason,
    o.detail,
    o.finished_at
from journal_intent as i
left join journal_outcome as o on o.intent_id = i.id
where i.environment = :environment and i.run_id = :run_id
order by i.id desc
