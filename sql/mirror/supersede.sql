-- ends the versions of objects that changed or that a complete extract no longer shows
-- keys: environment, side, kind, id
update mirror
set valid_to = :snapshot
where
    environment = :environment
    and side = :side
    and kind = any(cast(:kinds as text[]))
    and valid_to is null
    and not exists (
        select 1 from landing
        where landing.kind = mirror.kind and landing.id = mirror.id and landing.body = mirror.body
    )
