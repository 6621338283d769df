-- question: which differences are open, since when, and with which amount?
-- grain: one difference of the newest comparison that was not repaired; key: drift_id
select
    d.entity_kind,
    d.entity_id,
    d.plan,
    d.sentence,
    d.per_month,
    d.since,
    (cast(:now as timestamptz)::date - d.since::date) as age_days,
    d.reason,
    d.state,
    d.field,
    d.before,
    d.after,
    d.severity,
    d.kind,
    d.stripe_id,
    d.stripe_url,
    d.stigg_url,
    d.id as drift_id
from stripe_sync.open_drift_at(:comparison) as d
where not d.accepted
order by d.severity, d.kind, d.key, d.field
