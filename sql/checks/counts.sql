-- question: how many objects of each kind do two snapshots have, and how many did the last compared snapshots have?
-- grain: one kind of one side; key: id
-- (Great Expectations takes a query that begins with select)
select checked.*
from (
    with now_counted as (
        select s.side, c.key as kind, c.value::int as rows_now, s.environment, s.id as snapshot_id
        from stripe_sync.snapshot as s, jsonb_each_text(s.counts) as c
        where s.id in (:stigg_snapshot, :stripe_snapshot) and c.key <> 'invoice' -- drafts come and go
    ),

    earlier as (
        select distinct on (s.side) s.side, s.counts
        from stripe_sync.snapshot as s
        inner join stripe_sync.comparison as c on s.id in (c.stigg_snapshot, c.stripe_snapshot)
        where s.environment = :environment and s.id not in (:stigg_snapshot, :stripe_snapshot)
            -- what another connection of this environment showed is no measure of this one
            and s.closed_at > coalesce(
                (select max(h.done_at) from stripe_sync.manual_action as h where h.environment = :environment and h.command = 'disconnect'),
                '-infinity'
            )
        order by s.side asc, s.id desc
    )

    select
        n.side || ' ' || n.kind as id,
        n.side,
        n.kind,
        n.rows_now,
        coalesce((e.counts ->> n.kind)::int, 0) as rows_before,
        case
            when coalesce((e.counts ->> n.kind)::int, 0) < 10 then 1.0
            else round(n.rows_now::numeric / (e.counts ->> n.kind)::int, 3)
        end as share_kept,
        case
            when n.rows_now > 0 then 0
            when n.side = 'stigg' and n.kind in ('product', 'plan') then 1
            when coalesce((e.counts ->> n.kind)::int, 0) >= 3 then 1 -- three of anything do not go at once
            else 0
        end as is_empty
    from now_counted as n
    left join earlier as e on e.side = n.side
) as checked
