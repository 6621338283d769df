-- question: the quantity and the amount of each usage window in each state
-- grain: one window and state; a window that was not read is one row in the state due, without a quantity
-- keys: window_id, state; a window is half-open [start_at, end_at); amounts are minor units, exact
select
    u.id as window_id,
    u.measured ->> 'subscription' as subscription,
    u.subscription as stripe_subscription,
    u.measured ->> 'customer' as customer,
    u.measured ->> 'feature' as feature,
    u.start_at,
    u.end_at,
    coalesce(b.key, 'due') as state,
    cast(b.value ->> 0 as numeric) as quantity,
    u.terms -> 'content' ->> 'currency' as currency,
    cast(b.value ->> 1 as numeric) as amount,
    u.invoice,
    nullif(u.reason, '') as reason,
    u.read_at
from usage_now as u
left join lateral jsonb_each(u.balances) as b
    on b.key = u.state or (b.value ->> 0)::numeric <> 0 or (b.value ->> 1)::numeric <> 0
where u.environment = :environment
order by u.end_at, u.id, b.key
