-- the subscriptions of Stigg's that were not decided with a customer
-- grain: one subscription; key: id
select m.id
from mirror as m
where
    m.environment = :environment and m.side = 'stigg' and m.kind = 'subscription'
    and m.valid_from <= :stigg and (m.valid_to is null or m.valid_to > :stigg)
    and not exists (select 1 from done where done.owner = 'subscription:' || key_part(:environment) || ':' || key_part(m.id))
order by m.id
limit :most
