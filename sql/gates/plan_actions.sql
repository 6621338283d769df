-- the actions of a run's plan
-- grain: one action; key: id
select
    (a.value ->> 'target') || ' ' || (a.value ->> 'kind') || ' '
    || (select string_agg(field, ',' order by field) from jsonb_object_keys(a.value -> 'after') as field) as id,
    a.value ->> 'kind' as kind,
    a.value ->> 'lane' as lane,
    split_part(a.value ->> 'target', ':', 2) as environment,
    (a.value ->> 'kind' not like '%.create' and a.value ->> 'before' is null
        and a.value ->> 'kind' <> 'price.update')::int as blind,
    (not exists (
        select 1 from link as l
        where
            l.environment = :environment
            and l.key = replace(a.value ->> 'target', 'stigg_subscription:', 'subscription:')
            and l.ended_at is null
    ) and a.value ->> 'kind' not like '%.create'
    and a.value ->> 'target' not in (
        select b.value ->> 'target' from jsonb_array_elements(p.body -> 'actions') as b
        where b.value ->> 'kind' like '%.create'
    ))::int as unlinked
from plan as p, jsonb_array_elements(p.body -> 'actions') as a
where p.environment = :environment and p.comparison_id = :comparison
