-- the windows of use of some Stripe subscriptions
-- grain: one window; key: row
select
    id as row, measured ->> 'feature' as feature, start_at, end_at, trim_scale(quantity)::text as quantity,
    coalesce(state, 'due') as state, invoice, reason
from usage_now where environment = :environment and subscription = any(cast(:ids as text[])) order by end_at, charge
