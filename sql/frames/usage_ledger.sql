-- question: the quantity and the amount of each usage window in each state
-- grain: one window and state; a window that was not read is one row in the state due, without a quantity
-- keys: window_id, state; a window is half-open [start_at, end_at); amounts are minor units, exact
select
    u.window_id,
    u.subscription,
    u.stripe_subscription,
    u.customer,
    u.feature,
    u.start_at,
    u.end_at,
    u.state,
    u.quantity,
    u.currency,
    u.amount,
    u.invoice,
    nullif(u.reason, '') as reason,
    u.read_at
from stripe_sync.usage_ledger as u
where u.environment = :environment
order by u.end_at, u.window_id, u.state
