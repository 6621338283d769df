-- Ends the documents of absent owners after a full comparison.
-- keys: environment, side, kind, key
update stripe_sync.document
set valid_to = :comparison_id
where
    document.environment = :environment and document.valid_to is null
    and not exists (select 1 from done where done.owner = document.owner)
