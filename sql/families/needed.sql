-- question: the past objects of the catalog that subscriptions refer to, each once, by jumping through the index
-- grain: one object
-- keys: reference
with recursive needed as (
    (select reference from stripe_sync.catalog_reference where environment = :environment order by reference limit 1)
    union all
    select (select n.reference from stripe_sync.catalog_reference as n where n.environment = :environment and n.reference > needed.reference order by n.reference limit 1)
    from needed
    where needed.reference is not null
)

select reference from needed where reference is not null
