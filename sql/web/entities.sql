-- entities of one kind, by id, from a cursor on
-- grain: one entity; key: kind, id
select kind, id, status, reason, detail, stripe_id, changed_at
from status
where
    environment = :environment and kind = :kind and id > :after
    and (cast(:status as text) = '' or status = :status)
    and (cast(:q as text) = '' or (id >= :q and id < :q || U&'\+10FFFF'))
order by id
limit :most
