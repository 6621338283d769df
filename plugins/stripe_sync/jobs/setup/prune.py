"""Retention: old plans, comparisons and snapshots are deleted; journal, ledger and manual actions are kept."""

from __future__ import annotations

from datetime import timedelta

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.jobs.runtime.manual_actions import Operator, note
from stripe_sync.warehouse.engine import run_sql

MIN_DAYS = 62  # the audit of a closed month reads the targets of its renewals


def prune(session: Session, days: int, by: Operator) -> dict[str, int]:
    """Delete rows older than ``days``; return the number of rows by what was deleted. Raises ConfigurationError below 62."""
    if days < MIN_DAYS:
        raise ConfigurationError(
            f"{days} days are too few: the audit of a closed month reads the last {MIN_DAYS} days. Use --days {MIN_DAYS} or more."
        )
    before = session.clock.now() - timedelta(days=days)
    with session.engine.begin() as connection:
        rows = run_sql(connection, "retention/prune", environment=session.environment.name, before=before)
        note(connection, session, "prune", f"before {before:%Y-%m-%d}", by)
    return {row["what"]: row["rows"] for row in rows}
