-- question: which invoices sold a period after the end, and which of them have an open row?
-- grain: one invoice; keys: environment
select o.invoice, bool_or(o.closed_at is null) as is_open
from stripe_sync.owed as o
where o.environment = :environment and o.kind = 'sold_after'
group by o.invoice
