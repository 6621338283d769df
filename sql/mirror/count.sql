-- the counts of a snapshot that landed changes alone: what the mirror holds now
-- grain: the one snapshot
update snapshot
set counts = (
    select jsonb_object_agg(kind, coalesce(n, 0))
    from unnest(cast(:kinds as text[])) as kind
    left join (
        select mirror.kind, count(*) as n
        from mirror
        where environment = :environment and side = :side and valid_to is null
        group by mirror.kind
    ) as counted using (kind)
)
where id = :snapshot
