-- usage by state: what is pending, on drafts, billed, waived or not billable
-- grain: one state and currency; amounts are minor units
select
    b.key as state,
    u.terms -> 'content' ->> 'currency' as currency,
    count(*) as windows,
    sum((b.value ->> 1)::numeric) as minor
from usage_now as u
cross join lateral jsonb_each(u.balances) as b
where u.environment = :environment and ((b.value ->> 0)::numeric <> 0 or (b.value ->> 1)::numeric <> 0)
group by b.key, u.terms -> 'content' ->> 'currency'
order by 1, 2
