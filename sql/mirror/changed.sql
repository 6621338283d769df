-- question: which objects are new or changed in a snapshot, the fields in noise aside?
-- grain: one object; keys: environment, side, snapshot
select n.kind, n.id
from stripe_sync.mirror as n
left join stripe_sync.mirror as o
    on o.environment = n.environment and o.side = n.side and o.kind = n.kind and o.id = n.id and o.valid_to = :snapshot
where
    n.environment = :environment and n.side = :side and n.valid_from = :snapshot
    and n.body - cast(:noise as text[]) is distinct from o.body - cast(:noise as text[])
