"""Retention: what only explains the past goes after a time; the journal, the ledger and what people did stay."""

from __future__ import annotations

from datetime import timedelta

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.jobs.runtime.manual_actions import Hand, note
from stripe_sync.warehouse.engine import run_sql

LEAST_DAYS = 62  # the audit of a closed month reads what was wanted at its renewals


def prune(session: Session, days: int, by: Hand) -> dict[str, int]:
    """Takes away what is older than some days; how many rows of what. Raises ConfigurationError for too few days."""
    if days < LEAST_DAYS:
        raise ConfigurationError(f"{days} days are too few: the audit of a closed month reads {LEAST_DAYS} days back.")
    before = session.clock.now() - timedelta(days=days)
    with session.engine.begin() as connection:
        rows = run_sql(connection, "retention/prune", environment=session.environment.name, before=before)
        note(connection, session, "prune", f"before {before:%Y-%m-%d}", by)
    return {row["what"]: row["rows"] for row in rows}
