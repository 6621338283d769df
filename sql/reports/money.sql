-- question: which amount per month do the differences have? Minor units to two decimals (a yearly price divided by twelve need
-- not be whole).
-- grain: one kind, state and currency; currencies are not added together
select d.kind, d.state, m.key as currency, round(sum(m.value::numeric), 2) as per_month_minor, count(*) as differences
from stripe_sync.drift_at(:comparison) as d
cross join lateral jsonb_each_text(d.per_month) as m
where m.value::numeric <> 0
group by d.kind, d.state, m.key
order by d.kind, d.state, m.key
