-- question: which names are related to some customers, subscriptions and Stripe objects, one reference away?
-- grain: one name (kind: customer or subscription by Stigg's id, stripe by Stripe's id, link by link key)
with subscriptions as (
    select body from stripe_sync.mirror
    where environment = :environment and side = 'stigg' and kind = 'subscription' and id = any(cast(:subscriptions as text[]))
        and valid_from <= :stigg and (valid_to is null or valid_to > :stigg)
    union all
    select body from stripe_sync.mirror
    where environment = :environment and side = 'stigg' and kind = 'subscription'
        and body -> 'customer' ->> 'customerId' = any(cast(:customers as text[]))
        and valid_from <= :stigg and (valid_to is null or valid_to > :stigg)
    union all
    select body from stripe_sync.mirror
    where environment = :environment and side = 'stigg' and kind = 'subscription'
        and body -> 'payingCustomer' ->> 'customerId' = any(cast(:customers as text[]))
        and valid_from <= :stigg and (valid_to is null or valid_to > :stigg)
    union all
    select body from stripe_sync.mirror
    where environment = :environment and side = 'stigg' and kind = 'subscription'
        and body ->> 'billingId' = any(cast(:ids as text[]))
        and valid_from <= :stigg and (valid_to is null or valid_to > :stigg)
    union all
    select body from stripe_sync.mirror
    where environment = :environment and side = 'stigg' and kind = 'subscription'
        and body ->> 'oldBillingId' = any(cast(:ids as text[]))
        and valid_from <= :stigg and (valid_to is null or valid_to > :stigg)
),

customers as (
    select body from stripe_sync.mirror
    where environment = :environment and side = 'stigg' and kind = 'customer' and id = any(cast(:customers as text[]))
        and valid_from <= :stigg and (valid_to is null or valid_to > :stigg)
    union all
    select body from stripe_sync.mirror
    where environment = :environment and side = 'stigg' and kind = 'customer'
        and body ->> 'billingId' = any(cast(:ids as text[]))
        and valid_from <= :stigg and (valid_to is null or valid_to > :stigg)
),

in_stripe as (
    select id, body ->> 'customer' as customer from stripe_sync.mirror
    where environment = :environment and side = 'stripe' and kind = 'subscription' and id = any(cast(:ids as text[]))
        and valid_from <= :stripe and (valid_to is null or valid_to > :stripe)
    union all
    select id, body ->> 'customer' from stripe_sync.mirror
    where environment = :environment and side = 'stripe' and kind = 'subscription'
        and body ->> 'customer' = any(cast(:ids as text[]))
        and valid_from <= :stripe and (valid_to is null or valid_to > :stripe)
),

-- objects without an ownership marker whose metadata name an entity
by_metadata as (
    select id, kind, stripe_sync.entities_named(kind, body -> 'metadata') as entities from stripe_sync.mirror
    where environment = :environment and side = 'stripe' and stripe_sync.entities_named(kind, body -> 'metadata') is not null
        and stripe_sync.entities_named(kind, body -> 'metadata')
        && (cast(:customers as text[]) || cast(:subscriptions as text[]))
        and valid_from <= :stripe and (valid_to is null or valid_to > :stripe)
    union all
    select id, kind, stripe_sync.entities_named(kind, body -> 'metadata') from stripe_sync.mirror
    where environment = :environment and side = 'stripe' and kind in ('customer', 'subscription')
        and id = any(cast(:ids as text[]))
        and valid_from <= :stripe and (valid_to is null or valid_to > :stripe)
)

select named.kind, named.id
from subscriptions as s
cross join lateral (
    values
    ('subscription', s.body ->> 'subscriptionId'),
    ('customer', s.body -> 'customer' ->> 'customerId'),
    ('customer', s.body -> 'payingCustomer' ->> 'customerId'),
    ('stripe', s.body ->> 'billingId'),
    ('stripe', s.body ->> 'oldBillingId')
) as named (kind, id)
where named.id is not null
union
select named.kind, named.id
from customers as c
cross join lateral (values ('customer', c.body ->> 'customerId'), ('stripe', c.body ->> 'billingId')) as named (kind, id)
where named.id is not null
union
select 'stripe', named.id
from in_stripe as s
cross join lateral (values (s.id), (s.customer)) as named (id)
union
select 'stripe', o.id
from by_metadata as o
union
select o.kind, named.id
from by_metadata as o
cross join lateral unnest(o.entities) as named (id)
union
select 'stripe', l.stripe_id
from stripe_sync.link as l
where l.environment = :environment and l.ended_at is null and l.owner = any(cast(:owners as text[])) and l.owner = l.key
union
select 'link', l.owner
from stripe_sync.link as l
where l.environment = :environment and l.ended_at is null and l.stripe_id = any(cast(:ids as text[])) and l.owner <> ''
