-- question: how much less did Stripe bill than the ledger because of rounding? Minor units, negative for more.
-- grain: one currency
-- keys: currency
select m.currency, -sum(m.amount) as minor
from stripe_sync.usage_movements as m
where m.environment = :environment and m.from_state = 'rounded'
group by m.currency
order by m.currency
