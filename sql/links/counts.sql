-- The number of open links.
-- Grain: one kind of link key. Keys: environment.
select split_part(l.key, ':', 1) as kind, count(*) as links
from stripe_sync.link as l
where l.environment = :environment and l.ended_at is null
group by 1
