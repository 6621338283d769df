-- question: which differences does a comparison have, of some keys of these kinds or of all?
-- grain: one link key of one kind; keys: kind, key
select kind, key, target, actual, entity_kind, entity_id, stripe_id, target_facts, actual_facts, fields
from stripe_sync.differences_at(:comparison_id)
where
    (cast(:kinds as text[]) is null or kind = any(cast(:kinds as text[])))
    and (cast(:keys as text[]) is null or key = any(cast(:keys as text[])))
order by kind, key
