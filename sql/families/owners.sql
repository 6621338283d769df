-- the next owners of links, in order: customers and subscriptions, also those that Stigg does not show
-- grain: one owner; key: owner
select distinct l.owner
from stripe_sync.link as l
where l.environment = :environment and l.ended_at is null and l.owner > :after
order by l.owner
limit :most
