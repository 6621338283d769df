-- Adds an open link. The same link again changes nothing; a unique index refuses another link for its key or its Stripe id.
-- grain: one link; keys: environment, key, stripe_id
insert into stripe_sync.link (environment, key, stripe_id, source)
select :environment, :key, :stripe_id, :source
where not exists (
    select 1 from stripe_sync.link as l
    where l.environment = :environment and l.key = :key and l.stripe_id = :stripe_id and l.ended_at is null
)
