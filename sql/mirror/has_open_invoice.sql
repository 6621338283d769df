-- An open invoice in the newest mirror of Stripe.
-- Grain: one row. Keys: environment.
select exists (
    select from stripe_sync.mirror as m
    where
        m.environment = :environment and m.side = 'stripe' and m.kind = 'invoice' and m.valid_to is null
        and m.body ->> 'status' = 'open'
) as has_open_invoice
