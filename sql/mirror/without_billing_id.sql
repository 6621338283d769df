-- question: for which linked customers does Stigg have no billing id?
-- grain: one customer; key: key
select l.key
from stripe_sync.link as l
inner join stripe_sync.mirror as m
    on m.environment = l.environment and m.side = 'stigg' and m.kind = 'customer' and m.valid_to is null
    and l.key = 'customer:' || stripe_sync.key_part(m.environment) || ':' || stripe_sync.key_part(m.id)
where l.environment = :environment and l.ended_at is null and m.body ->> 'billingId' is null
order by l.key
limit :most
