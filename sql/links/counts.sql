-- question: how many links are open?
-- grain: one kind of link key; keys: environment
select split_part(l.key, ':', 1) as kind, count(*) as links
from stripe_sync.link as l
where l.environment = :environment and l.ended_at is null
group by 1
