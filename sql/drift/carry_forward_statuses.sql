-- Restores the status of each owner that differs and was not decided again, regardless of later writes.
-- keys: environment, kind, id
-- Covers statuses set since one minute before the previous comparison began: the result of a write may have been in flight.
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
