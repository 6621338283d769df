-- question: how many objects differ in a comparison? A price and its added or removed versions count as one object.
-- grain: one kind; key: kind
select kind, count(distinct key) as n
from stripe_sync.drift_at(:comparison_id)
group by kind
order by kind
