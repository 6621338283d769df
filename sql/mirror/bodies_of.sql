-- question: what does a snapshot hold of some objects of one kind?
-- grain: one object; key: id
select id, body
from stripe_sync.mirror
where
    environment = :environment
    and side = :side
    and kind = :kind
    and id = any(cast(:ids as text[]))
    and valid_from <= :snapshot
    and (valid_to is null or valid_to > :snapshot)
order by id
