-- ends the versions of objects that changed, and of those that an extract of their whole kind no longer shows
-- keys: environment, side, kind, id
update mirror
set valid_to = :snapshot
where
    environment = :environment
    and side = :side
    and valid_to is null
    and (
        (
            kind = any(cast(:kinds as text[]))
            and not exists (
                select 1 from landing
                where landing.kind = mirror.kind and landing.id = mirror.id and landing.body = mirror.body
            )
        )
        or exists (
            select 1 from landing
            where landing.kind = mirror.kind and landing.id = mirror.id and landing.body is distinct from mirror.body
        )
    )
