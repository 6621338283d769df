-- question: which objects of both mirrors were added, changed or removed between two snapshots, with their references before
-- and after?
-- grain: one version of one object that begins or ends in between
select
    side, kind, id,
    body -> 'customer' ->> 'customerId' as customer,
    body -> 'payingCustomer' ->> 'customerId' as payer,
    body ->> 'billingId' as billing_id,
    body ->> 'oldBillingId' as old_billing_id,
    case when side = 'stripe' then body ->> 'customer' end as stripe_customer,
    case when side = 'stripe' then stripe_sync.entities_named(kind, body -> 'metadata') end as entities,
    case when kind = 'invoice' then
        coalesce(
            body #>> '{parent,subscription_details,subscription,id}', body #>> '{parent,subscription_details,subscription}'
        )
    end as stripe_subscription
from stripe_sync.mirror
where
    environment = :environment
    and side = :side
    and (valid_from > :since and valid_from <= :until or valid_to > :since and valid_to <= :until)
