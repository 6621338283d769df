-- question: which rows of a mirror are the same as at their last evaluation?
-- grain: one row; key: id
select m.id
from stripe_sync.mirror as m
where
    m.environment = :environment and m.side = :side and m.kind = :kind and m.id = any(cast(:ids as text[]))
    and m.valid_from <= :judged and (m.valid_to is null or m.valid_to > :snapshot)
