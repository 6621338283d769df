-- who has to be decided again though nothing changed: a moment has come
-- grain: one owner; key: owner
select owner from stripe_sync.recheck where environment = :environment and recheck_at <= :now
