-- question: which manual actions were there, newest first?
-- grain: one manual action; key: id
select id, command, subject, reason, person, done_at
from stripe_sync.manual_action
where environment = :environment
order by id desc
limit 1000
