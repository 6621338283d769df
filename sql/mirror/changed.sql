-- The objects that are new or other in a snapshot than before, but for the fields in noise.
-- Grain: one object. Keys: environment, side, snapshot.
select n.kind, n.id
from stripe_sync.mirror as n
left join stripe_sync.mirror as o
    on o.environment = n.environment and o.side = n.side and o.kind = n.kind and o.id = n.id and o.valid_to = :snapshot
where
    n.environment = :environment and n.side = :side and n.valid_from = :snapshot
    and n.body - cast(:noise as text[]) is distinct from o.body - cast(:noise as text[])
