-- what was written about one entity, newest first
-- grain: one write
select o.finished_at, i.kind, i.target, o.result, o.stripe_id, o.request_id, o.reason, o.detail, i.run_id
from journal_intent as i
left join journal_outcome as o on o.intent_id = i.id
where i.environment = :environment and i.action #>> '{entity,1}' = :id and i.action #>> '{entity,0}' = :kind
order by i.id desc
limit 200
