-- question: was a linked subscription renewed after one time and until another (Unix seconds), by the newest mirror? An item's
-- current period began between them, or was to end between them.
select exists (
    select from stripe_sync.link l
    join stripe_sync.mirror m on m.environment = l.environment and m.side = 'stripe' and m.kind = 'subscription' and m.id = l.stripe_id
        and m.valid_to is null
    cross join lateral jsonb_array_elements(m.body -> 'items' -> 'data') item
    cross join lateral (values (item ->> 'current_period_start'), (item ->> 'current_period_end')) bound (at)
    where l.environment = :environment and l.ended_at is null and starts_with(l.key, 'subscription:')
        and m.body ->> 'status' not in ('canceled', 'incomplete_expired')
        and bound.at::bigint > :since and bound.at::bigint <= :until
) as is_renewed
