-- how many entities have which status and reason
-- grain: one kind, status and reason
select kind, status, reason, count(*) as entities
from status
where environment = :environment
group by kind, status, reason
order by kind, status, reason
