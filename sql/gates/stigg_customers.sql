-- Stigg's customers as a snapshot saw them, of those that changed since they were judged
-- grain: one customer; key: id
select m.id, nullif(m.body ->> 'email', '') as email, length(m.id) as id_length
from mirror as m
where
    m.environment = :environment and m.side = 'stigg' and m.kind = 'customer'
    and m.valid_from > :judged and m.valid_from <= :stigg_snapshot and (m.valid_to is null or m.valid_to > :stigg_snapshot)
