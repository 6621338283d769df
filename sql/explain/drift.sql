-- question: the open differences of some link keys
-- grain: one difference
-- keys: key, field
select d.key, d.field, d.sentence, d.severity, d.per_month, d.since, d.accepted, d.stripe_url, d.stigg_url
from stripe_sync.open_drift as d
where d.environment = :environment and d.key = any(cast(:keys as text[]))
order by d.key, d.field
