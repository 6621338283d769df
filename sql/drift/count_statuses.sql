-- Counts the statuses of an environment after a full comparison: one row replaces the changes of each.
-- grain: one kind, status and reason
with before as (
    delete from stripe_sync.status_count where environment = :environment
)

insert into stripe_sync.status_count (environment, kind, status, reason, entities)
select environment, kind, status, reason, count(*)
from stripe_sync.status
where environment = :environment
group by environment, kind, status, reason
