-- the audit of the newest closed month: what each invoice should bill for use, and what it bills
-- grain: one invoice, or one window of usage that is on none; amounts are minor units before discounts and tax
select
    a.month, a.invoice, a.subscription, a.status, a.currency, a.expected, a.invoiced, a.rounding, a.difference, a.missing,
    a.total, a.balance, a.due,
    m.audited_at
from audit_of_month as m
inner join audit as a on a.environment = m.environment and a.month = m.month
where
    m.environment = :environment
    and m.month = (select max(month) from audit_of_month where environment = :environment)
order by abs(a.difference) desc, a.line
