-- question: which unchanged owners must be decided again because a timer is due?
-- grain: one owner; key: owner
select owner from stripe_sync.recheck where environment = :environment and recheck_at <= :now
