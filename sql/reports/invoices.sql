-- question: of the newest audited month, which usage should each invoice bill, and which does it bill?
-- grain: one invoice, or one usage window that is on no invoice; amounts are minor units before discounts and tax
select
    a.month,
    a.invoice,
    a.subscription,
    a.status,
    a.currency,
    a.expected,
    a.invoiced,
    a.rounding,
    a.difference,
    a.missing,
    a.total,
    a.balance,
    a.due,
    a.audited_at
from stripe_sync.invoice_audit as a
where a.environment = :environment and a.is_newest
order by abs(a.difference) desc, a.line
