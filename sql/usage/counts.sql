-- question: how many windows that ended since a time are in each state? Windows that were never read are due.
-- grain: one state; key: state
select coalesce(state, 'due') as state, count(*) as n
from stripe_sync.usage_windows
where environment = :environment and end_at >= :since
group by 1
