-- question: the number of entities with each status and reason
-- grain: one kind, status and reason
-- keys: environment, kind, status, reason
select t.environment, t.kind, t.status, t.reason, cast(sum(t.entities) as bigint) as entities
from stripe_sync.status_count as t
group by t.environment, t.kind, t.status, t.reason
having sum(t.entities) > 0
