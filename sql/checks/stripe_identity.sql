-- Stripe's objects as a snapshot saw them that are of the other mode, of those that changed since they were judged
-- grain: one object; key: id
select m.id, m.kind, 1 as of_other_mode
from stripe_sync.mirror as m
where
    m.environment = :environment and m.side = 'stripe' and not coalesce((m.body ->> 'deleted')::boolean, false)
    and m.valid_from > :judged and m.valid_from <= :stripe_snapshot and (m.valid_to is null or m.valid_to > :stripe_snapshot)
    and coalesce((m.body ->> 'livemode')::boolean, false)::int <> :live
