-- customers and subscriptions that Stigg does not show, and of which something is linked
-- grain: one owner; key: owner
select distinct l.owner
from link as l
where
    l.environment = :environment and l.ended_at is null and l.owner <> ''
    and not exists (select 1 from done where done.owner = l.owner)
order by l.owner
limit :most
