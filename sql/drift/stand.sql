-- what was judged of those who differ and were not decided anew is their status again, whatever became of a write since
-- keys: environment, kind, id
-- Set since the comparison before began, but for a minute: a write's outcome may have been on its way when it looked.
update stripe_sync.status
set (status, reason, detail, stripe_id, run_id) = (j.status, j.reason, j.detail, j.stripe_id, :run_id)
from stripe_sync.entity_status as j
where
    j.environment = :environment and j.valid_to is null
    and status.environment = :environment and status.kind = j.kind and status.id = j.id
    and status.changed_at > (select created_at - interval '1 minute' from stripe_sync.comparison where id = :before)
    and not exists (select 1 from done where done.owner = j.owner)
    and (status.status, status.reason, status.detail, status.stripe_id)
    is distinct from (j.status, j.reason, j.detail, j.stripe_id)
