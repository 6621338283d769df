-- question: which is the newest run of an environment, and which steps did it finish?
-- grain: one run, or none; keys: environment
select
    r.run_id,
    r.started_at,
    array(
        select s.step from stripe_sync.step as s
        where s.environment = r.environment and s.run_id = r.run_id
        order by s.finished_at
    ) as steps
from stripe_sync.run as r
where r.environment = :environment
order by r.created_at desc
limit 1
