-- Counts a snapshot that staged only changes: the counts of the previous one, plus added and less removed objects.
-- grain: the one snapshot
with before as (
    select counts
    from stripe_sync.snapshot
    where environment = :environment and side = :side and complete and id < :snapshot
    order by id desc
    limit 1
),

moved as (
    select kind, 1 as n
    from stripe_sync.mirror
    where environment = :environment and side = :side and valid_from = :snapshot
    union all
    select kind, -1 as n
    from stripe_sync.mirror
    where environment = :environment and side = :side and valid_to = :snapshot
)

update stripe_sync.snapshot
set counts = (
    select jsonb_object_agg(kind, coalesce((before.counts ->> kind)::int, 0) + coalesce(summed.n, 0))
    from unnest(cast(:kinds as text[])) as kind
    left join before on true
    left join (select kind, sum(n) as n from moved group by kind) as summed using (kind)
)
where id = :snapshot
