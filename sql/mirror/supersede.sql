-- ends the versions of objects that changed, and of those that an extract of their whole kind no longer shows
-- keys: environment, side, kind, id
with ended as (
    select mirror.kind, mirror.id
    from "{schema}".landing
    inner join stripe_sync.mirror
        on mirror.environment = :environment and mirror.side = :side and mirror.kind = landing.kind and mirror.id = landing.id
        and mirror.valid_to is null
    where landing.body is distinct from mirror.body
    union all
    select mirror.kind, mirror.id
    from stripe_sync.mirror
    where
        mirror.environment = :environment
        and mirror.side = :side
        and mirror.kind = any(cast(:kinds as text[]))
        and mirror.valid_to is null
        and not exists (select 1 from "{schema}".landing where landing.kind = mirror.kind and landing.id = mirror.id)
)

update stripe_sync.mirror
set valid_to = :snapshot
from ended
where
    mirror.environment = :environment
    and mirror.side = :side
    and mirror.kind = ended.kind
    and mirror.id = ended.id
    and mirror.valid_to is null
