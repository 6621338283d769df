-- question: the number of entities with each status and reason
-- grain: one kind, status and reason
select c.kind, c.status, c.reason, c.entities
from stripe_sync.status_counts as c
where c.environment = :environment
order by c.kind, c.status, c.reason
