-- links that were made or ended by transactions that a comparison did not see
-- grain: one link
select l.key, l.owner
from link as l
inner join comparison as c on c.id = :comparison
where
    l.environment = :environment
    and l.changed_in >= pg_snapshot_xmin(c.seen)
    and not pg_visible_in_snapshot(l.changed_in, c.seen)
    and l.changed_in <> c.seen_in
