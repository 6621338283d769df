-- question: which subscriptions are billed in Stripe and not active in Stigg? Amounts are without tiers.
-- grain: one Stripe subscription and currency
with living as (
    select m.id, m.body
    from stripe_sync.mirror as m
    where
        m.environment = :environment and m.side = 'stripe' and m.kind = 'subscription' and m.valid_to is null
        and m.body ->> 'status' in ('active', 'trialing', 'past_due', 'unpaid', 'paused')
        and not exists (
            select 1 from stripe_sync.link as l
            where l.environment = m.environment and l.stripe_id = m.id and l.ended_at is null
        )
),

items as (
    select
        l.id,
        l.body,
        i.value -> 'price' as price,
        coalesce((i.value ->> 'quantity')::numeric, 0) as quantity
    from living as l
    cross join lateral jsonb_array_elements(l.body -> 'items' -> 'data') as i
)

select
    id as stripe_id,
    body ->> 'customer' as stripe_customer,
    body ->> 'status' as status,
    price ->> 'currency' as currency,
    count(*) as items,
    count(*) filter (where price ->> 'unit_amount_decimal' is null) as items_without_amount,
    round(
        sum(
            (price ->> 'unit_amount_decimal')::numeric * quantity
            * case price -> 'recurring' ->> 'interval'
                when 'month' then 1
                when 'year' then 1 / 12.0
                when 'week' then 52 / 12.0
                else 365 / 12.0
            end
            / coalesce((price -> 'recurring' ->> 'interval_count')::numeric, 1)
        ),
        2
    ) as minor_a_month,
    to_timestamp((body ->> 'created')::bigint) as created
from items
group by id, body, price ->> 'currency'
order by minor_a_month desc nulls last, id
