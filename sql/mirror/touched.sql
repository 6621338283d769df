-- grain: one object that was made or changed in the window [since, until), as the newest mirrors of both sides tell
-- keys: side, kind, id (Stigg's own id, Stripe's id)
-- of customers and subscriptions those with some ids alone, if there are some
with shown as (
    select side, kind, id, body
    from stripe_sync.mirror
    where environment = :environment and valid_to is null and cast(:ids as text[]) is null
    union all
    select side, kind, id, body
    from stripe_sync.mirror
    where
        environment = :environment and side in ('stigg', 'stripe') and kind in ('customer', 'subscription')
        and id = any(cast(:ids as text[])) and valid_to is null
    union all
    select side, kind, id, body
    from stripe_sync.mirror
    where
        environment = :environment and side in ('stigg', 'stripe') and kind not in ('customer', 'subscription')
        and valid_to is null and cast(:ids as text[]) is not null
),

moments as (
    select side, kind, id, to_timestamp((body ->> 'created')::bigint) as moment
    from shown
    where side = 'stripe' and body ? 'created'
    union all
    select
        m.side,
        m.kind,
        coalesce(m.body ->> 'customerId', m.body ->> 'subscriptionId', m.body ->> 'refId', m.id) as id,
        told.moment::timestamptz as moment
    from shown as m
    cross join lateral (
        select unnest(array[m.body ->> 'createdAt', m.body ->> 'updatedAt']) as moment
        union all
        -- dates that may lie ahead, and then say nothing about when something was changed
        select unnest(array[
            m.body ->> 'startDate', m.body ->> 'cancellationDate', m.body ->> 'effectiveEndDate', m.body ->> 'trialEndDate'
        ])
        where :dates
        union all
        select jsonb_path_query(m.body, '$.prices[*].updatedAt') #>> '{}'
        union all
        select jsonb_path_query(m.body, '$.addons[*].updatedAt') #>> '{}'
        union all
        select jsonb_path_query(m.body, '$.coupons[*].startDate') #>> '{}'
        where :dates
    ) as told
    where m.side = 'stigg' and told.moment is not null
)

select distinct side, kind, id
from moments
where moment >= :since and moment < :until
