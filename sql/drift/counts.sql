-- how many objects differ in a comparison, by kind; a price and the versions that come and go with it are one
-- grain: one kind; key: kind
select kind, count(distinct key) as n
from stripe_sync.drift_at(:comparison_id)
group by kind
order by kind
