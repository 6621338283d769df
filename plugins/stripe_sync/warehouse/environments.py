"""What is only about the connection of an environment, and ends with it; the journal, the ledger and what people did stay."""

from __future__ import annotations

from sqlalchemy import Connection, text

# Read anew when there is a connection again.
FORGOTTEN = (
    "account",
    "status",
    "candidate",
    "feed",
    "seen_event",
    "own_answer",
    "stigg_read",
    "failure",
    "skipped_lane",
)


def end(connection: Connection, environment: str) -> int:
    """Closes every link, expires every question, forgets what was read and judged; how many links were closed."""
    closed = connection.execute(
        text(
            "update link set ended_at = now(), ended_by = 'disconnect', changed_in = pg_current_xact_id() where environment = :e and ended_at is null"
        ),
        {"e": environment},
    )
    for table in FORGOTTEN:
        connection.execute(text(f"delete from {table} where environment = :e"), {"e": environment})
    connection.execute(
        text("update approval set state = 'expired' where environment = :e and state = 'waiting'"), {"e": environment}
    )
    return int(closed.rowcount)
