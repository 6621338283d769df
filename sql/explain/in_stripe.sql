-- question: what does the mirror of Stripe hold of some subscriptions?
-- grain: one subscription; key: id
select id, body from stripe_sync.mirror
where environment = :environment and side = 'stripe' and kind = 'subscription' and valid_to is null and id = any(cast(:ids as text[])) order by id
