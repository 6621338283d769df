"""The end of an environment's connection. The journal, the ledger and the actions of people stay."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, update

from stripe_sync.core.approval_state import ApprovalState
from stripe_sync.warehouse.tables import comparisons, plans, runs, snapshots, writes

# These tables are read again after the next connect.
FORGOTTEN = (
    runs.account,
    comparisons.status,
    comparisons.link_suggestion,
    snapshots.stripe_cursor,
    snapshots.seen_event,
    snapshots.write_answer,
    snapshots.stigg_cursor,
    plans.write_failure,
    writes.lane_skip_count,
)


def end(connection: Connection, environment: str) -> int:
    """Close every link, expire every question, and delete the rows of both sides; return the number of closed links."""
    link, approval = comparisons.link, plans.approval
    closed = connection.execute(
        update(link)
        .where(link.c.environment == environment, link.c.ended_at.is_(None))
        .values(ended_at=func.now(), ended_by="disconnect", changed_in=func.pg_current_xact_id())
    )
    for table in FORGOTTEN:
        connection.execute(delete(table).where(table.c.environment == environment))
    connection.execute(
        update(approval)
        .where(approval.c.environment == environment, approval.c.state == ApprovalState.WAITING)
        .values(state=ApprovalState.EXPIRED)
    )
    return int(closed.rowcount)
