-- question: which invoices do some subscriptions have in a snapshot of Stripe?
-- grain: one invoice; key: id
select id, body
from stripe_sync.mirror
where
    environment = :environment
    and side = 'stripe'
    and kind = 'invoice'
    and coalesce(
        body #>> '{parent,subscription_details,subscription,id}', body #>> '{parent,subscription_details,subscription}'
    ) = any(cast(:subscriptions as text[]))
    and valid_from <= :snapshot
    and (valid_to is null or valid_to > :snapshot)
order by id
