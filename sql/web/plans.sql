-- question: which are the newest plans?
-- grain: one plan
select p.run_id, p.hash, p.planned_at, jsonb_array_length(p.body -> 'actions') as actions
from stripe_sync.plan as p
where p.environment = :environment
order by p.planned_at desc
limit 50
