-- question: which of some entities have the status ERROR?
-- grain: one entity; keys: environment, ids
select s.kind, s.id
from stripe_sync.status as s
where s.environment = :environment and s.status = 'ERROR' and s.id = any(:ids)
