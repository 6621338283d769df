-- question: the newest hold, or the end of it, of each draft
-- grain: one draft that was held at least once
-- keys: invoice
select h.invoice, h.held, h.original, h.until, h.reason, h.person, h.causes, h.is_stop
from stripe_sync.draft_holds as h
inner join stripe_sync.usage_invoice as i on i.environment = h.environment and i.invoice = h.invoice and i.status = 'draft'
where h.environment = :environment
order by h.invoice
