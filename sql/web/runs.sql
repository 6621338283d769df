-- the newest runs, with what their last stations gave
-- grain: one run
select
    r.run_id,
    r.started_at,
    (select count(*) from station as s where s.environment = r.environment and s.run_id = r.run_id) as stations,
    c.result ->> 'differences' as differences,
    p.result ->> 'actions' as planned,
    a.result -> 'results' as results,
    (v.result is not null) as finished
from run as r
left join station as c on c.environment = r.environment and c.run_id = r.run_id and c.station = 'compare'
left join station as p on p.environment = r.environment and p.run_id = r.run_id and p.station = 'plan'
left join station as a on a.environment = r.environment and a.run_id = r.run_id and a.station = 'apply'
left join station as v on v.environment = r.environment and v.run_id = r.run_id and v.station = 'report'
where r.environment = :environment
order by r.created_at desc
limit 12
