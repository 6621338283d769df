-- question: between which extracts of Stigg did a subscription end or become free?
-- grain: one subscription; paid is null where no extract showed it as paid; key: id
with versions as (
    select
        id,
        valid_from,
        valid_to,
        body ->> 'pricingType' is distinct from 'FREE'
        and coalesce(body ->> 'status', '') not in ('CANCELED', 'EXPIRED') as is_paid
    from stripe_sync.mirror
    where
        environment = :environment
        and side = 'stigg'
        and kind = 'subscription'
        and id = any(cast(:ids as text[]))
        and valid_from <= :snapshot
),

last as (
    select
        id,
        bool_or(is_paid) as was_paid,
        coalesce(max(valid_to) filter (where is_paid), min(valid_from)) as turned
    from versions
    group by id
)

select
    last.id,
    first_without.upper_bound as unpaid,
    (
        select s.upper_bound
        from stripe_sync.snapshot as s
        where s.environment = :environment and s.side = 'stigg' and s.complete and s.id < last.turned and last.was_paid
        order by s.id desc
        limit 1
    ) as paid,
    (
        select min(cast(planned ->> 'scheduledExecutionTime' as timestamptz))
        from jsonb_array_elements(coalesce(nullif(before.body -> 'futureUpdates', 'null'), '[]'::jsonb)) as planned
        where
            planned ->> 'scheduleStatus' = 'Scheduled'
            and planned -> 'targetPackage' ->> 'refId' = (
                select m.body -> 'plan' ->> 'refId'
                from stripe_sync.mirror as m
                where m.environment = :environment and m.side = 'stigg' and m.kind = 'subscription' and m.id = last.id
                    and m.valid_from = last.turned
            )
    ) as planned
from last
inner join stripe_sync.snapshot as first_without on first_without.id = last.turned
left join stripe_sync.mirror as before
    on before.environment = :environment and before.side = 'stigg' and before.kind = 'subscription' and before.id = last.id
    and before.valid_to = last.turned and last.was_paid
order by last.id
