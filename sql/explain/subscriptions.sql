-- question: which subscriptions does a customer have in Stigg, and which of others do they pay for?
-- grain: one subscription; key: id
select id, body
from stripe_sync.mirror
where
    environment = :environment and side = 'stigg' and kind = 'subscription' and valid_to is null
    and body -> 'customer' ->> 'customerId' = :id
union
select id, body
from stripe_sync.mirror
where
    environment = :environment and side = 'stigg' and kind = 'subscription' and valid_to is null
    and body -> 'payingCustomer' ->> 'customerId' = :id
order by id
