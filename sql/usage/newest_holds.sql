-- question: which is the newest hold, or the end of one, of each draft?
-- grain: one draft that was held at least once; key: invoice
select distinct on (h.invoice)
    h.invoice, h.held, h.original, h.until, h.reason, h.person, h.causes, h.is_stop
from usage_hold h
join usage_invoice i on i.environment = h.environment and i.invoice = h.invoice and i.status = 'draft'
where h.environment = :environment
order by h.invoice, h.id desc
