-- question: which links does only one side suggest, for confirmation by a person?
-- grain: one Stigg entity and Stripe object; keys: key, stripe_id
select key, stripe_id, why
from stripe_sync.link_suggestion
where environment = :environment
order by key, stripe_id
