-- Creates the snapshot of the staged objects.
-- grain: the one new snapshot
insert into stripe_sync.snapshot (environment, side, run_id, kinds, complete, upper_bound, counts, content_id)
select
    :environment,
    :side,
    :run_id,
    cast(:kinds as text[]),
    true,
    :upper_bound,
    (
        select coalesce(jsonb_object_agg(kind, coalesce(n, 0)), '{}')
        from unnest(cast(:kinds as text[])) as kind
        left join (select kind, count(*) as n from "{schema}".staged group by kind) as counted using (kind)
    ),
    0
returning id
