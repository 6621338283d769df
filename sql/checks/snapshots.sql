-- question: which two snapshots will be compared?
-- grain: one snapshot; key: id
select
    s.id,
    s.side,
    s.complete::int as complete,
    (s.environment = :environment)::int as own_environment,
    round(extract(epoch from now() - s.closed_at) / 60) as age_minutes
from stripe_sync.snapshot as s
where s.id in (:stigg_snapshot, :stripe_snapshot)
