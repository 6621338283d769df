-- question: the differences that are open now
-- grain: one difference of the newest comparison of an environment that no write of its run has repaired since
-- keys: environment, drift_id; per_month is an object of minor units by currency. open_drift_at(comparison) has those of a
-- comparison that is given
select
    n.environment,
    n.comparison_id,
    d.id as drift_id,
    d.kind,
    d.key,
    d.entity_kind,
    d.entity_id,
    d.stripe_id,
    d.plan,
    d.state,
    d.field,
    d.before,
    d.after,
    d.severity,
    d.reason,
    d.sentence,
    d.per_month,
    d.stripe_url,
    d.stigg_url,
    d.accepted,
    d.since
from (select c.environment, max(c.id) as comparison_id from stripe_sync.comparison as c group by c.environment) as n
cross join lateral stripe_sync.open_drift_at(n.comparison_id) as d
