-- Stores an intent if its lane's lease still has the epoch and has not ended. The lease's row is locked until the commit.
-- grain: one intent, or none; keys: environment, lane, epoch
insert into stripe_sync.journal_intent (environment, lane, run_id, plan_hash, action_hash, kind, target, action, epoch)
select
    l.environment, l.lane, :run_id, :plan_hash, :action_hash, :kind, :target, cast(:action as jsonb), l.epoch
from stripe_sync.lease as l
where l.environment = :environment and l.lane = :lane and l.epoch = :epoch and l.expires_at > now()
for share
returning
    id,
    (select w.id from stripe_sync.warehouse as w) as warehouse,
    (select r.started_at from stripe_sync.run as r where r.environment = :environment and r.run_id = :run_id) as since
