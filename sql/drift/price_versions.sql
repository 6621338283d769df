-- the price versions that either side of a comparison knows, with their content: the catalog's, and those of some owners
-- grain: one version key; found wins over wanted, since it is what is billed
select distinct on (d.key) d.kind, d.key, d.facts
from document as d
inner join comparison as c on c.id = :comparison_id
where
    d.environment = c.environment and d.kind = 'price_version' and d.owner = any(cast(:owners as text[]))
    and d.valid_from <= c.id and (d.valid_to is null or d.valid_to > c.id)
order by d.key, d.side
