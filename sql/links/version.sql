-- Two numbers that are others as soon as a link was added or ended.
-- Grain: one row. Keys: environment.
select
    (select coalesce(max(l.id), 0) from stripe_sync.link as l where l.environment = :environment) as newest,
    (select count(*) from stripe_sync.link as l where l.environment = :environment and l.ended_at is not null) as ended
