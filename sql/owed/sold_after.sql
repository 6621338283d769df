-- The invoices that sold a period after the end, and whether a row of theirs is open.
-- Grain: one invoice. Keys: environment.
select o.invoice, bool_or(o.closed_at is null) as is_open
from stripe_sync.owed as o
where o.environment = :environment and o.kind = 'sold_after'
group by o.invoice
