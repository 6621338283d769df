"""Metrics of an environment, from the warehouse: numbers only."""

from __future__ import annotations

from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.engine import connect_to_read, run_sql


def figures(session: Session, run: Run) -> dict[str, float]:
    """Return metrics by name: differences by kind, the age of the oldest, open usage, seconds to the next finalization, reads."""
    environment = session.environment
    with connect_to_read(session.engine) as connection:
        rows = run_sql(
            connection, "reports/figures", environment=environment.name, account=environment.stripe_account, now=run.now
        )
    return {row["name"]: float(row["value"]) for row in rows}
