-- question: the quantity and the amount of each usage window in each state
-- grain: one window and state; a window that was not read is one row in the state due, without a quantity
-- keys: window_id, state; amounts are minor units, exact; is_current: the state of the newest movement;
-- reported_quantity is the newest reading of Stigg, quantity lies in this state
select
    u.id as window_id,
    u.environment,
    u.measured ->> 'subscription' as subscription,
    u.subscription as stripe_subscription,
    u.charge,
    u.measured ->> 'customer' as customer,
    u.measured ->> 'feature' as feature,
    u.start_at,
    u.end_at,
    u.settled,
    coalesce(b.key, 'due') as state,
    b.key is not distinct from u.state as is_current,
    cast(b.value ->> 0 as numeric) as quantity,
    u.terms -> 'content' ->> 'currency' as currency,
    cast(b.value ->> 1 as numeric) as amount,
    u.quantity as reported_quantity,
    u.read_at,
    u.invoice,
    u.reason
from stripe_sync.usage_windows as u
left join lateral jsonb_each(u.balances) as b
    on b.key = u.state or (b.value ->> 0)::numeric <> 0 or (b.value ->> 1)::numeric <> 0
