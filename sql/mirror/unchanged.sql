-- takes out of landing what the mirror holds as it is
-- keys: kind, id
delete from "{schema}".landing
where exists (
    select 1 from stripe_sync.mirror
    where
        mirror.environment = :environment
        and mirror.side = :side
        and mirror.kind = landing.kind
        and mirror.id = landing.id
        and mirror.valid_to is null
)
