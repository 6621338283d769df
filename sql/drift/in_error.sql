-- The entities among some whose status is an error.
-- Grain: one entity. Keys: environment, ids.
select s.kind, s.id
from stripe_sync.status as s
where s.environment = :environment and s.status = 'ERROR' and s.id = any(:ids)
