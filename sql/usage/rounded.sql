-- question: how much less did Stripe bill than the ledger because of rounding? Minor units, negative for more.
-- grain: one currency; key: currency
select o.terms -> 'content' ->> 'currency' as currency, -sum(e.amount) as minor
from usage_entry e
join usage_window w on w.id = e.window_id
join usage_opening o on o.id = w.opening_id
where e.from_state = 'rounded' and w.environment = :environment
group by 1
order by 1
