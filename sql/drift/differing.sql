-- what the two sides of a comparison did not agree on, of some owners or of all
-- grain: one link key of one kind; keys: kind, key
select kind, key, wanted, found, entity_kind, entity_id, stripe_id, wanted_facts, found_facts, fields
from difference
where comparison_id = :comparison_id and (cast(:owners as text[]) is null or owner = any(cast(:owners as text[])))
order by kind, key
