-- question: which are the next owners of links, in order? Customers and subscriptions, including those that Stigg no longer lists.
-- grain: one owner; key: owner
select distinct l.owner
from stripe_sync.link as l
where l.environment = :environment and l.ended_at is null and l.owner > :after
order by l.owner
limit :most
