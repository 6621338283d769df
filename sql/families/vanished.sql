-- question: how many adopted customers and subscriptions are there, and how many of them lost their billing id in Stigg?
-- grain: one row
select count(*) as adopted, count(*) filter (where m.body ->> 'billingId' is null) as vanished
from stripe_sync.mirror as m
inner join stripe_sync.link as l
    on l.environment = m.environment and l.source = 'adopted' and l.ended_at is null
    and l.owner = m.kind || ':' || stripe_sync.key_part(m.environment) || ':' || stripe_sync.key_part(m.id) and l.key = l.owner
where
    m.environment = :environment and m.side = 'stigg' and m.kind in ('customer', 'subscription')
    and m.valid_from <= :stigg and (m.valid_to is null or m.valid_to > :stigg)
