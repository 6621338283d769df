-- question: which versions of each price are in use, and by how many items of open subscriptions?
-- grain: one linked price
select
    split_part(l.key, '@', 1) as price,
    split_part(l.key, '@', 2) as version,
    l.stripe_id,
    (m.body ->> 'active')::boolean as active,
    m.body ->> 'currency' as currency,
    (m.body ->> 'unit_amount_decimal')::numeric as minor,
    m.body -> 'recurring' ->> 'interval' as interval,
    count(i.item) as items
from stripe_sync.link as l
inner join stripe_sync.mirror as m
    on m.environment = l.environment and m.side = 'stripe' and m.kind = 'price' and m.id = l.stripe_id and m.valid_to is null
left join (
    select s.environment, item.value -> 'price' ->> 'id' as price_id, item.value ->> 'id' as item
    from stripe_sync.mirror as s
    cross join lateral jsonb_array_elements(s.body -> 'items' -> 'data') as item
    where
        s.side = 'stripe' and s.kind = 'subscription' and s.valid_to is null and s.environment = :environment
        and s.body ->> 'status' not in ('canceled', 'incomplete_expired')
) as i on i.environment = l.environment and i.price_id = l.stripe_id
where l.environment = :environment and l.ended_at is null
group by l.key, l.stripe_id, m.body
order by l.key
