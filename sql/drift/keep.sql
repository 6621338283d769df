-- the newest comparison again under a new number, for two snapshots that show the same
-- grain: the one comparison; key: id
with kept as (
    insert into comparison (
        environment, run_id, stigg_snapshot, stripe_snapshot, canon_version, counts, inputs, decided_at, wakes_at, statuses,
        documents_of
    )
    select
        environment, :run_id, :stigg, :stripe, canon_version, counts, inputs, decided_at, wakes_at, statuses,
        coalesce(documents_of, id)
    from comparison
    where id = :before
    returning id
),

differences as (
    insert into difference
    select kept.id, d.kind, d.key, d.wanted, d.found, d.entity_kind, d.entity_id, d.stripe_id, d.wanted_facts, d.found_facts,
        d.fields
    from difference as d
    cross join kept
    where d.comparison_id = :before
),

rows_of_drift as (
    insert into drift (
        comparison_id, id, kind, key, entity_kind, entity_id, stripe_id, state, field, before, after, severity, sentence,
        per_month, stripe_url, stigg_url, accepted, since
    )
    select
        kept.id, d.id, d.kind, d.key, d.entity_kind, d.entity_id, d.stripe_id, d.state, d.field, d.before, d.after, d.severity,
        d.sentence, d.per_month, d.stripe_url, d.stigg_url, d.accepted, d.since
    from drift as d
    cross join kept
    where d.comparison_id = :before
)

select id from kept
