-- question: the usage windows of some Stripe subscriptions, each with its current state
-- grain: one window
-- keys: row
select
    u.window_id as row,
    u.feature,
    u.start_at,
    u.end_at,
    trim_scale(u.reported_quantity)::text as quantity,
    u.state,
    u.invoice,
    u.reason
from stripe_sync.usage_ledger as u
where u.environment = :environment and u.is_current and u.stripe_subscription = any(cast(:ids as text[]))
order by u.end_at, u.charge
