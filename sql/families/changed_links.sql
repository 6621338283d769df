-- question: which links were added or ended by transactions that a comparison, in its own transaction, did not see?
-- grain: one link
-- The visible transactions are a parameter, not a lookup, so that PostgreSQL estimates few links and not a third of all.
select key, owner
from stripe_sync.link
where
    environment = :environment
    and changed_in >= pg_snapshot_xmin(cast(:seen as pg_snapshot))
    and not pg_visible_in_snapshot(changed_in, cast(:seen as pg_snapshot))
    and changed_in <> cast(:seen_in as xid8)
