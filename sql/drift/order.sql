-- the differences of a comparison in the order in which runs take them up: the catalog's, then customer by customer, from one on
-- grain: one link key of one kind; keys: kind, key
-- A subscription stands with the customer who is billed for it, and its own prices and coupons stand with it. (A window, and
-- no join with itself: of a comparison that was just made PostgreSQL has no figures.)
with billed as (
    select
        kind,
        key,
        owner,
        entity_kind,
        entity_id,
        case
            when kind = 'subscription' then coalesce(target ->> 'customer', actual ->> 'customer')
            when kind = 'stigg_subscription' then actual_facts ->> 'customer'
        end collate "C" as customer
    from stripe_sync.differences_at(:comparison_id)
),

placed as (
    select
        kind,
        key,
        entity_kind,
        entity_id,
        case when owner = '' then '' else coalesce(max(customer) over (partition by owner), owner) end as customer
    from billed
)

select customer, kind, key, entity_kind, entity_id
from placed
order by customer <> '', customer <= :after, customer, kind, key
