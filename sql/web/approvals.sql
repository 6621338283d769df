-- question: which sets of actions await approval?
-- grain: one set of actions
select hash, action_group as "group", cardinality(actions) as actions, due_now, per_month, array_to_string(why, ' ') as why, requested_at, expires_at
from stripe_sync.approval
where environment = :environment and state = 'waiting' and expires_at > cast(:now as timestamptz)
order by expires_at
