-- question: which drafts were held, and is the hold in force?
-- grain: one draft that was held at least once, with its newest hold or the end of it
-- keys: environment, invoice
select h.environment, h.invoice, h.held, h.original, h.until, h.reason, h.person, h.causes, h.is_stop, h.at
from stripe_sync.usage_hold as h
where not exists (
    select 1
    from stripe_sync.usage_hold as later
    where later.environment = h.environment and later.invoice = h.invoice and later.id > h.id
)
