-- question: which actions does a run's plan have?
-- grain: one action; key: id
-- (Great Expectations takes a query that begins with select)
select checked.*
from (
    with actions as (
        select a.action as value
        from stripe_sync.plan_actions as a
        where a.environment = :environment and a.comparison_id = :comparison
    ),

    made as (
        select distinct value ->> 'target' as target from actions where value ->> 'kind' like '%.create'
    )

    select
        (a.value ->> 'target') || ' ' || (a.value ->> 'kind') || ' '
        || (select string_agg(field, ',' order by field) from jsonb_object_keys(a.value -> 'after') as field) as id,
        a.value ->> 'kind' as kind,
        a.value ->> 'lane' as lane,
        split_part(a.value ->> 'target', ':', 2) as environment,
        (a.value ->> 'kind' not like '%.create' and a.value ->> 'before' is null
            and a.value ->> 'kind' <> 'price.update')::int as blind,
        (not exists (
            select 1 from stripe_sync.link as l
            where
                l.environment = :environment
                and l.key = replace(a.value ->> 'target', 'stigg_subscription:', 'subscription:')
                and l.ended_at is null
        ) and a.value ->> 'kind' not like '%.create'
        and not exists (select 1 from made where made.target = a.value ->> 'target'))::int as unlinked
    from actions as a
) as checked
