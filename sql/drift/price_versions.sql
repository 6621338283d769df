-- the price versions that either side knows, with their content
-- grain: one version key; found wins over wanted, since it is what is billed
select distinct on (key) kind, key, facts
from document
where
    comparison_id = (select coalesce(documents_of, id) from comparison where id = :comparison_id)
    and kind = 'price_version'
order by key, side
