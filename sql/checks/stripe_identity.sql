-- question: which Stripe objects of a snapshot are of the other mode, among those that changed since their last evaluation?
-- grain: one object; key: id
select m.id, m.kind, 1 as of_other_mode
from stripe_sync.mirror as m
where
    m.environment = :environment and m.side = 'stripe' and not coalesce((m.body ->> 'deleted')::boolean, false)
    and m.valid_from > :judged and m.valid_from <= :stripe_snapshot and (m.valid_to is null or m.valid_to > :stripe_snapshot)
    and coalesce((m.body ->> 'livemode')::boolean, false)::int <> :live
