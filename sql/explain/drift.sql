-- what differs now of some link keys: what a write has repaired since is not among it
-- grain: one difference; keys: key, field
select key, field, sentence, severity, per_month, since, accepted, stripe_url, stigg_url
from drift_now
where environment = :environment and key = any(cast(:keys as text[]))
order by key, field
