-- question: the status of every entity, with its reason
-- grain: one Stigg entity; reason and detail are empty where there is nothing to add
-- keys: environment, kind, id
select s.environment, s.kind, s.id, s.status, s.reason, s.detail, s.stripe_id, s.changed_at
from stripe_sync.status as s
