-- Ends the differences of some owners, or of all: they are decided again.
-- keys: environment, kind, key; environment, id; environment, kind, id
with differences as (
    update stripe_sync.difference
    set valid_to = :comparison_id
    where
        environment = :environment and valid_to is null
        and (cast(:owners as text[]) is null or owner = any(cast(:owners as text[])))
),

judgements as (
    update stripe_sync.entity_status
    set valid_to = :comparison_id
    where
        environment = :environment and valid_to is null
        and (cast(:owners as text[]) is null or owner = any(cast(:owners as text[])))
)

update stripe_sync.drift
set valid_to = :comparison_id
where
    environment = :environment and valid_to is null
    and (cast(:owners as text[]) is null or owner = any(cast(:owners as text[])))
