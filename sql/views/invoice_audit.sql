-- question: for each audited month, which usage should each invoice bill, and which does it bill?
-- grain: one invoice, or one usage window that is on no invoice
-- keys: environment, month, line; amounts are minor units before discounts and tax; is_newest: of the newest audited month
select
    m.environment,
    m.month,
    a.line,
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
    m.audited_at,
    m.month = (select max(n.month) from stripe_sync.month_audit as n where n.environment = m.environment) as is_newest
from stripe_sync.month_audit as m
inner join stripe_sync.audit_line as a on a.environment = m.environment and a.month = m.month
