-- question: which draft invoices do some Stripe customers have?
-- grain: one invoice; key: id
select id, body from stripe_sync.mirror
where
    environment = :environment and side = 'stripe' and kind = 'invoice' and valid_to is null and body ->> 'status' = 'draft'
    and body ->> 'customer' = any(cast(:ids as text[]))
order by id
