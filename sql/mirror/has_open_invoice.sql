-- question: does the newest mirror of Stripe have an open invoice?
-- grain: one row; keys: environment
select exists (
    select from stripe_sync.mirror as m
    where
        m.environment = :environment and m.side = 'stripe' and m.kind = 'invoice' and m.valid_to is null
        and m.body ->> 'status' = 'open'
) as has_open_invoice
