-- what of the catalog's past somebody needs: each once, found by jumping from one to the next in the index
-- grain: one thing; key: what
with recursive needed as (
    (select what from need where environment = :environment order by what limit 1)
    union all
    select (select n.what from need as n where n.environment = :environment and n.what > needed.what order by n.what limit 1)
    from needed
    where needed.what is not null
)

select what from needed where what is not null
