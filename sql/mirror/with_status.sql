-- The subscriptions that the newest mirror of Stigg shows in some statuses.
-- Grain: one subscription. Keys: environment, statuses.
select m.id
from stripe_sync.mirror as m
where
    m.environment = :environment and m.side = 'stigg' and m.kind = 'subscription' and m.valid_to is null
    and m.body ->> 'status' = any(:statuses)
