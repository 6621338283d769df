-- what differs of some link keys, by a comparison: what a write has repaired since is not among it
-- grain: one difference; keys: key, field
select key, field, sentence, severity, per_month, since, accepted, stripe_url, stigg_url
from unrepaired(:comparison)
where key = any(cast(:keys as text[]))
order by key, field
