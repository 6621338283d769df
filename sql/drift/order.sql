-- question: in which order do runs process the differences of a comparison? The catalog first, then customer by customer, after
-- a cursor.
-- grain: one link key of one kind; keys: kind, key
-- A subscription is placed with its billed customer, and its own prices and coupons with it. (A window function, not a self
-- join: PostgreSQL has no statistics of a new comparison.)
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
