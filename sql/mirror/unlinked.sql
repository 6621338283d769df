-- objects of Stripe that carry a mark and have no link
-- grain: one object; key: id
select m.id, m.body
from mirror as m
where
    m.environment = :environment
    and m.side = 'stripe'
    and m.valid_to is null
    and m.body -> 'metadata' ? :field
    and not exists (
        select 1 from link as l
        where l.environment = :environment and l.stripe_id = m.id and l.ended_at is null
    )
order by m.id
