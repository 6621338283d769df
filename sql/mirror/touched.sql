-- grain: one object that was made or changed in the window [since, until), as the newest mirrors of both sides tell
-- keys: side, kind, id (Stigg's own id, Stripe's id)
with moments as (
    select side, kind, id, to_timestamp((body ->> 'created')::bigint) as moment
    from mirror
    where environment = :environment and side = 'stripe' and valid_to is null and body ? 'created'
    union all
    select
        m.side,
        m.kind,
        coalesce(m.body ->> 'customerId', m.body ->> 'subscriptionId', m.body ->> 'refId', m.id) as id,
        told.moment::timestamptz as moment
    from mirror as m
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
    where m.environment = :environment and m.side = 'stigg' and m.valid_to is null and told.moment is not null
)

select distinct side, kind, id
from moments
where moment >= :since and moment < :until
