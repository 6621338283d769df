-- question: which are the newest runs, with the results of their last steps?
-- grain: one run
select
    r.run_id,
    r.started_at,
    (select count(*) from stripe_sync.step as s where s.environment = r.environment and s.run_id = r.run_id) as steps,
    c.result ->> 'differences' as differences,
    p.result ->> 'actions' as planned,
    a.result -> 'results' as results,
    (v.result is not null) as finished
from stripe_sync.run as r
left join stripe_sync.step as c on c.environment = r.environment and c.run_id = r.run_id and c.step = 'compare'
left join stripe_sync.step as p on p.environment = r.environment and p.run_id = r.run_id and p.step = 'plan'
left join stripe_sync.step as a on a.environment = r.environment and a.run_id = r.run_id and a.step = 'apply'
left join stripe_sync.step as v on v.environment = r.environment and v.run_id = r.run_id and v.step = 'report'
where r.environment = :environment
order by r.created_at desc
limit 12
