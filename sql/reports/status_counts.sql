-- how many entities have which status and reason
-- grain: one kind, status and reason
select kind, status, reason, cast(sum(entities) as bigint) as entities
from status_tally
where environment = :environment
group by kind, status, reason
having sum(entities) > 0
order by kind, status, reason
