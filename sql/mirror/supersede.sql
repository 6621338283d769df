-- Ends the versions of objects that changed, and of objects that a full extract of their kind no longer lists.
-- keys: environment, side, kind, id
with ended as (
    select mirror.kind, mirror.id
    from "{schema}".staged
    inner join stripe_sync.mirror
        on mirror.environment = :environment and mirror.side = :side and mirror.kind = staged.kind and mirror.id = staged.id
        and mirror.valid_to is null
    where staged.body is distinct from mirror.body
    union all
    select mirror.kind, mirror.id
    from stripe_sync.mirror
    where
        mirror.environment = :environment
        and mirror.side = :side
        and mirror.kind = any(cast(:kinds as text[]))
        and mirror.valid_to is null
        and not exists (select 1 from "{schema}".staged where staged.kind = mirror.kind and staged.id = mirror.id)
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
