-- question: the action groups of a run's plan, with the decision of the guards
-- grain: one action group
-- keys: group
select g.action_group as "group", g.decision, g.actions, g.due_now, g.per_month, g.refusals
from stripe_sync.plan_groups as g
where g.environment = :environment and g.run_id = :run_id
order by g.action_group
