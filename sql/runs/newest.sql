-- The newest run of an environment, with the steps that it finished.
-- Grain: one run, or none. Keys: environment.
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
