-- question: which version do the links of an environment have? Two numbers; one changes with each added or ended link.
-- grain: one row; keys: environment
select
    (select coalesce(max(l.id), 0) from stripe_sync.link as l where l.environment = :environment) as newest,
    (select count(*) from stripe_sync.link as l where l.environment = :environment and l.ended_at is not null) as ended
