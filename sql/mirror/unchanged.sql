-- Removes the staged objects that the mirror already holds unchanged.
-- keys: kind, id
delete from "{schema}".staged
where exists (
    select 1 from stripe_sync.mirror
    where
        mirror.environment = :environment
        and mirror.side = :side
        and mirror.kind = staged.kind
        and mirror.id = staged.id
        and mirror.valid_to is null
)
