-- since when each difference of a comparison is there: as long as every comparison between has seen it
-- grain: one difference; key: id
update drift
set since = coalesce(
    (
        select earlier.since
        from drift as earlier
        where
            earlier.comparison_id = (
                select max(c.id)
                from comparison as c
                inner join comparison as this on this.id = :comparison_id
                where c.environment = this.environment and c.id < this.id
            )
            and earlier.key = drift.key
            and earlier.state = drift.state
            and earlier.field = drift.field
        limit 1
    ),
    cast(:now as timestamptz)
)
where drift.comparison_id = :comparison_id and drift.since is null
