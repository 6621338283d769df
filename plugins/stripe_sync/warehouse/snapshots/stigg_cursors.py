"""The cursor of incremental reads from Stigg."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.warehouse.engine import connect_to_read, run_sql
from stripe_sync.warehouse.tables.snapshots import stigg_cursor


@dataclass(frozen=True)
class StiggRead:
    """``cursor``: customers that changed before are known; when subscriptions were scanned, and when everything was read."""

    cursor: datetime
    scanned_at: datetime
    audited_at: datetime


def find(engine: Engine, environment: str) -> StiggRead | None:
    """Return the cursor of an environment, once it was read whole."""
    of = stigg_cursor.c
    query = select(of.cursor, of.scanned_at, of.audited_at).where(of.environment == environment)
    with connect_to_read(engine) as connection:
        row = connection.execute(query).first()
    return StiggRead(**row._asdict()) if row else None


def advance(connection: Connection, environment: str, read: StiggRead) -> None:
    """Set the cursor of an environment."""
    given = asdict(read)
    connection.execute(
        insert(stigg_cursor)
        .values(environment=environment, **given)
        .on_conflict_do_update(index_elements=[stigg_cursor.c.environment], set_=given)
    )


def living(connection: Connection, environment: str, statuses: tuple[str, ...]) -> set[str]:
    """Return the ids of the subscriptions that the newest mirror of Stigg shows in these statuses."""
    rows = run_sql(connection, "mirror/with_status", environment=environment, statuses=list(statuses))
    return {row["id"] for row in rows}
