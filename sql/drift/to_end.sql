-- The subscriptions that the newest comparison wants canceled in Stripe, and that are not canceled there yet.
-- Grain: one subscription. Keys: environment.
select d.owner
from stripe_sync.difference as d
where
    d.environment = :environment and d.valid_to is null and d.kind = 'subscription'
    and d.target ->> 'status' = 'canceled'
