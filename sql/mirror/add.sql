-- adds a version of each object that is new or changed
-- keys: environment, side, kind, id
insert into mirror (environment, side, kind, id, valid_from, body)
select :environment, :side, landing.kind, landing.id, :snapshot, landing.body
from landing
where not exists (
    select 1 from mirror
    where
        mirror.environment = :environment
        and mirror.side = :side
        and mirror.kind = landing.kind
        and mirror.id = landing.id
        and mirror.valid_to is null
)
