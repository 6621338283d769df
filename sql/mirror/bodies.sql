-- question: which objects of one kind does a snapshot have?
-- grain: one object; key: id
select id, body
from stripe_sync.mirror
where
    environment = :environment
    and side = :side
    and kind = :kind
    and valid_from <= :snapshot
    and (valid_to is null or valid_to > :snapshot)
order by id
