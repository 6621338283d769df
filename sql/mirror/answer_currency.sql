-- Adds the answer of a customer whose mirror has no currency: the mirrored object with the currency.
-- grain: one customer, or none; keys: environment, customer
insert into stripe_sync.write_answer (environment, kind, id, body)
select m.environment, m.kind, m.id, m.body || jsonb_build_object('currency', cast(:currency as text))
from stripe_sync.mirror as m
where
    m.environment = :environment and m.side = 'stripe' and m.kind = 'customer' and m.id = :customer
    and m.valid_to is null and m.body ->> 'currency' is null
on conflict do nothing
