-- what one side alone puts together, for a person
-- grain: one Stigg entity and Stripe object; keys: key, stripe_id
select key, stripe_id, why
from candidate
where environment = :environment
order by key, stripe_id
