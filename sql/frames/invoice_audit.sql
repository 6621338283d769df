-- question: what each invoice of the audited months should bill for usage, and what it bills
-- grain: one invoice, or one usage window that is on no invoice
-- keys: month, line; amounts are minor units before discounts and tax
select
    cast(m.month as timestamp) at time zone 'UTC' as month,
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
    m.audited_at
from audit_of_month as m
inner join audit as a on a.environment = m.environment and a.month = m.month
where m.environment = :environment
order by m.month, a.line
