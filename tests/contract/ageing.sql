-- question: the open differences a month and a year, in minor units to two decimals, as SQL computes them
-- grain: one direction, kind, reason, plan, age and currency
with amounts as (
    select
        d.kind,
        d.reason,
        d.plan,
        case
            when d.state = 'missing' then 'not billed at all'
            when m.value::numeric > 0 then 'under-billed'
            else 'over-billed'
        end as direction,
        case
            when cast(:now as timestamptz) - d.since < interval '1 day' then '0 under a day'
            when cast(:now as timestamptz) - d.since < interval '7 days' then '1 under a week'
            when cast(:now as timestamptz) - d.since < interval '30 days' then '2 under a month'
            else '3 older'
        end as age,
        m.key as currency,
        m.value::numeric as amount
    from stripe_sync.open_drift_at(:comparison) as d
    cross join lateral jsonb_each_text(d.per_month) as m
    where not d.accepted and m.value::numeric <> 0
)

select
    direction,
    kind,
    reason,
    plan,
    substr(age, 3) as age,
    currency,
    count(*) as differences,
    round(sum(amount), 2) as minor_a_month,
    round(sum(amount) * 12, 2) as minor_a_year
from amounts
group by direction, kind, reason, plan, amounts.age, currency
order by direction, currency, kind, reason, plan, amounts.age
