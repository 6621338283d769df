-- Deletes explanatory history: plans, comparisons with their documents and drift, replaced versions of mirrors, results of steps;
-- never the newest of anything, the journal, the usage ledger or manual actions.
-- grain: one table, with the number of its deleted rows
with cut as (
    select
        (select max(id) from stripe_sync.comparison where environment = :environment) as newest,
        (select min(s.id) from stripe_sync.snapshot as s inner join stripe_sync.run as r on r.environment = s.environment and r.run_id = s.run_id
            where s.environment = :environment and r.started_at >= :before) as kept_from
),

old_runs as (
    select run_id from stripe_sync.run where environment = :environment and started_at < :before
),

plans as (
    delete from stripe_sync.plan
    where environment = :environment and run_id in (select run_id from old_runs) and comparison_id <> (select newest from cut)
    returning comparison_id
),

comparisons as (
    delete from stripe_sync.comparison as c
    where
        c.environment = :environment and c.run_id in (select run_id from old_runs)
        and c.id <> (select newest from cut)
        and not exists (
            select 1 from stripe_sync.plan as p where p.comparison_id = c.id and p.comparison_id not in (select comparison_id from plans)
        )
    returning c.id
),

first_kept as (
    select min(c.id) as id from stripe_sync.comparison as c where c.environment = :environment and c.id not in (select id from comparisons)
),

documents as (
    delete from stripe_sync.document
    where environment = :environment and valid_to <= (select id from first_kept)
    returning 1 as gone
),

differences as (
    delete from stripe_sync.difference
    where environment = :environment and valid_to <= (select id from first_kept)
),

drifts as (
    delete from stripe_sync.drift
    where environment = :environment and valid_to <= (select id from first_kept)
    returning 1 as gone
),

judgements as (
    delete from stripe_sync.entity_status
    where environment = :environment and valid_to <= (select id from first_kept)
),

mirrors as (
    delete from stripe_sync.mirror
    where environment = :environment and valid_to is not null and valid_to < (select kept_from from cut)
    returning 1 as gone
),

steps as (
    delete from stripe_sync.step
    where environment = :environment and run_id in (select run_id from old_runs)
    returning 1 as gone
)

select 'plans' as what, count(*) as rows from plans
union all
select 'comparisons', count(*) from comparisons
union all
select 'documents', count(*) from documents
union all
select 'differences', count(*) from drifts
union all
select 'versions of mirrors', count(*) from mirrors
union all
select 'results of steps', count(*) from steps
