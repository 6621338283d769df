-- question: which subscriptions have some statuses in the newest mirror of Stigg?
-- grain: one subscription; keys: environment, statuses
select m.id
from stripe_sync.mirror as m
where
    m.environment = :environment and m.side = 'stigg' and m.kind = 'subscription' and m.valid_to is null
    and m.body ->> 'status' = any(:statuses)
