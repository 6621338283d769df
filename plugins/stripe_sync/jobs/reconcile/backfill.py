"""Backfill: a manual reconcile of the objects that were created or changed in a window; it only plans, unless it repairs.

Both sides are read in full, so mirrors and drift are rebuilt and every write is decided against the current state. The window
selects differences to plan; it does not change the target state.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from stripe_sync.core import keys
from stripe_sync.core.decoding import texts_in
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.domain.drift.difference import Difference, Extra, Missing
from stripe_sync.jobs.runtime.context import Run
from stripe_sync.jobs.runtime.run_params import GivenParams, RunParams
from stripe_sync.warehouse.snapshots import snapshots


def params_of(
    since: str, until: str, *, entities: list[str], customers: list[str], repair: bool, now: datetime
) -> GivenParams:
    """Return the run parameters of a backfill. Raises ConfigurationError for an empty window."""
    start, end = moment(since), moment(until) if until else now
    if start >= end:
        raise ConfigurationError(
            f"The window is empty: since {start.isoformat()} is not before until {end.isoformat()}."
        )
    return {
        "since": start.isoformat(),
        "until": end.isoformat(),
        "entities": entities,
        "customers": customers,
        "full": True,
        "action": "repair" if repair else "plan",
    }


def moment(text: str) -> datetime:
    """Parse a time (ISO 8601), UTC where it has no offset. Raises ConfigurationError."""
    try:
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise ConfigurationError(f"{text} is not a time. Write it like 2026-11-01 or 2026-11-01T12:00:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def window_of(params: RunParams, now: datetime) -> tuple[datetime, datetime] | None:
    """Return the window [start, end) of a run, UTC; None for a run without one."""
    if not params.since:
        return None
    return moment(params.since), moment(params.until) if params.until else now


Touched = tuple[set[tuple[str, str]], set[str]]  # (kind, id) of entities in Stigg; ids in Stripe


def touched_in(connection: Connection, environment: str, run: Run) -> Touched | None:
    """Return the objects of both sides that were created or changed in the run's window; None for a run without one."""
    window = window_of(run.params, run.now)
    return None if window is None else snapshots.touched(connection, environment, since=window[0], until=window[1])


def within(touched: Touched, differences: list[Difference]) -> list[Difference]:
    """The differences about what was touched, and about what these refer to."""
    stigg, stripe = touched
    chosen = [d for d in differences if d.entity in stigg or d.stripe_id in stripe]
    return with_needed(chosen, differences)


def with_needed(chosen: list[Difference], everything: list[Difference]) -> list[Difference]:
    """The chosen differences, and those about what they refer to and Stripe does not have yet."""
    missing = {d.key: d for d in everything if isinstance(d, Missing)}
    found = {d.key: d for d in chosen}
    ahead = list(chosen)
    while ahead:
        taken = ahead.pop()
        names = set() if isinstance(taken, Extra) else set(texts_in([taken.target.document, taken.target.facts]))
        slots = {keys.slot_of(name) for name in names if "@" in name}
        for key in (names | slots) & missing.keys() - found.keys():
            found[key] = missing[key]
            ahead.append(missing[key])
    return [d for d in everything if d.key in found]
