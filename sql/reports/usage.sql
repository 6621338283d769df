-- question: usage by state: pending, on drafts, billed, waived or not billable
-- grain: one state and currency; amounts are minor units
select u.state, u.currency, count(*) as windows, sum(u.amount) as minor
from stripe_sync.usage_ledger as u
where u.environment = :environment and (u.quantity <> 0 or u.amount <> 0)
group by u.state, u.currency
order by u.state, u.currency
