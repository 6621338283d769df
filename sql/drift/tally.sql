-- counts the statuses of an environment anew, after all of them were decided: one number for each where its changes stood
-- grain: one kind, status and reason
with before as (
    delete from status_tally where environment = :environment
)

insert into status_tally (environment, kind, status, reason, entities)
select environment, kind, status, reason, count(*)
from status
where environment = :environment
group by environment, kind, status, reason
