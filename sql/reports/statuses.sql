-- question: the entities whose status a run changed, and those in error or pending; pages and `status` show all others
-- grain: one entity; key: kind, id
with shown as (
    select kind, id, status, reason, detail, stripe_id, changed_at
    from stripe_sync.statuses
    where environment = :environment and status in ('ERROR', 'PENDING')
    union all
    select kind, id, status, reason, detail, stripe_id, changed_at
    from stripe_sync.statuses
    where
        environment = :environment
        and status not in ('ERROR', 'PENDING')
        and changed_at >= (select created_at from stripe_sync.run where environment = :environment and run_id = :run_id)
)

select kind, id, status, reason, detail, stripe_id, changed_at
from shown
order by case status when 'ERROR' then 0 when 'PENDING' then 1 when 'SUCCESS' then 2 else 3 end, kind, id
