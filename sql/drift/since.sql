-- question: when did each difference of some owners begin? Every comparison since then has it.
-- grain: one difference; key: id
update stripe_sync.drift
set since = coalesce(
    (
        select earlier.since
        from stripe_sync.drift as earlier
        where
            earlier.environment = :environment and earlier.valid_to = :comparison_id
            and earlier.key = drift.key and earlier.state = drift.state and earlier.field = drift.field
        limit 1
    ),
    cast(:now as timestamptz)
)
where
    drift.environment = :environment and drift.owner = any(cast(:owners as text[])) and drift.valid_to is null
    and drift.since is null
