-- question: for each audited month, which usage should each invoice bill, and which does it bill?
-- grain: one invoice, or one usage window that is on no invoice
-- keys: month, line; amounts are minor units before discounts and tax
select
    cast(a.month as timestamp) at time zone 'UTC' as month,
    a.line,
    a.invoice,
    a.subscription,
    a.status,
    a.currency,
    a.expected,
    a.invoiced,
    a.rounding,
    a.difference,
    a.missing as missing_windows,
    a.total,
    a.balance,
    a.due,
    a.audited_at
from stripe_sync.invoice_audit as a
where a.environment = :environment
order by a.month, a.line
