-- question: which objects with Stigg's metadata and without our ownership marker are newer than the first write?
-- grain: one object; key: id
select m.id
from stripe_sync.mirror as m
where
    m.environment = :environment and m.side = 'stripe' and m.kind in ('product', 'customer', 'subscription', 'coupon')
    and m.valid_from > :after and m.valid_from <= :stripe and (m.valid_to is null or m.valid_to > :stripe)
    and (m.body -> 'metadata' ? 'stiggEntityId' or m.body -> 'metadata' ? 'stiggEntityUrl')
    and not m.body -> 'metadata' ? :mark
    and cast(m.body ->> 'created' as bigint) > :first_write
    and not exists (
        select 1 from stripe_sync.link as l where l.environment = :environment and l.stripe_id = m.id and l.ended_at is null
    )
order by m.id
