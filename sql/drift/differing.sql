-- what the two sides of a comparison did not agree on
-- grain: one link key of one kind; keys: kind, key
select kind, key, wanted, found, entity_kind, entity_id, stripe_id, wanted_facts, found_facts, fields
from difference
where comparison_id = :comparison_id
order by kind, key
