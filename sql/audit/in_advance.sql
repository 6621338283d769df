-- question: which billing in advance was the target of the subscriptions of some invoices, by the last comparison before each?
-- grain: one invoice and item; requests is [{"invoice", "key", "at"}]
select
    a.value ->> 'invoice' as invoice,
    i.value ->> 'price' as price,
    (i.value ->> 'quantity')::numeric as quantity,
    v.facts -> 'content' as content
from jsonb_array_elements(cast(:requests as jsonb)) as a
cross join lateral (
    select c.id
    from stripe_sync.comparison as c
    inner join stripe_sync.run as r on r.environment = c.environment and r.run_id = c.run_id
    where c.environment = :environment and r.started_at <= (a.value ->> 'at')::timestamptz
    order by r.started_at desc, c.id desc
    limit 1
) as c
inner join stripe_sync.document as d
    on d.environment = :environment and d.side = 'target' and d.kind = 'subscription' and d.key = a.value ->> 'key'
    and d.valid_from <= c.id and (d.valid_to is null or d.valid_to > c.id)
cross join lateral jsonb_array_elements(d.document -> 'items') as i
left join stripe_sync.document as v
    on v.environment = :environment and v.side = 'target' and v.kind = 'price_version' and v.key = i.value ->> 'price'
    and v.valid_from <= c.id and (v.valid_to is null or v.valid_to > c.id)
