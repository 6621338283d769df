-- question: the entities of one kind by id, from a cursor on
-- grain: one entity
-- keys: kind, id
select s.kind, s.id, s.status, s.reason, s.detail, s.stripe_id, s.changed_at
from stripe_sync.statuses as s
where
    s.environment = :environment and s.kind = :kind and s.id > :after
    and (cast(:status as text) = '' or s.status = :status)
    and (cast(:q as text) = '' or (s.id >= :q and s.id < :q || U&'\+10FFFF'))
order by s.id
limit :most
