-- question: which subscriptions are canceled in the newest target and not yet in Stripe?
-- grain: one subscription; keys: environment
select d.owner
from stripe_sync.difference as d
where
    d.environment = :environment and d.valid_to is null and d.kind = 'subscription'
    and d.target ->> 'status' = 'canceled'
