-- question: which are the next Stigg customers or subscriptions, in order?
-- grain: one entity; key: id
select m.id
from stripe_sync.mirror as m
where
    m.environment = :environment and m.side = 'stigg' and m.kind = :kind and m.id > :after
    and m.valid_from <= :stigg and (m.valid_to is null or m.valid_to > :stigg)
order by m.id
limit :most
