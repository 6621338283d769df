-- Gives a snapshot without changes the content number of the previous one.
-- grain: the one snapshot
update stripe_sync.snapshot
set content_id = greatest(
    (select coalesce(max(valid_from), 0) from stripe_sync.mirror where environment = :environment and side = :side),
    (select coalesce(max(valid_to), 0) from stripe_sync.mirror where environment = :environment and side = :side and valid_to is not null)
)
where id = :snapshot
