"""The command ``status``: the environment's open points and counts, or one entity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.domain.plan.declines import Decline, next_attempt
from stripe_sync.interfaces.cli.commands import session_of
from stripe_sync.interfaces.cli.output import open_approvals, out, table
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.comparisons import link_suggestions, statuses
from stripe_sync.warehouse.plans import declines, failures
from stripe_sync.warehouse.writes import leases


def status(env: str, id: str | None, *, as_json: bool) -> int:
    """Print the environment's open points and counts, or the entity of a Stigg id or Stripe id; return 0.

    Raises ConfigurationError where the last run saw no entity of this id.
    """
    with session_of(env, quiet=True) as session:
        if id is not None:
            print_entity(session, id, as_json=as_json)
            return 0
        rows, last = statuses.counts(session.engine, env), runs.last(session.engine, env)
        if as_json:
            out({"environment": env, "last_run": last, "statuses": rows} | open_points(session))
            return 0
        for line in open_lines(session):
            print(line)
        print(f"last run: {last['run_id']} at {last['started_at']:%Y-%m-%d %H:%M:%S} UTC" if last else "no run yet")
        table(rows)
    return 0


def open_points(session: Session) -> dict[str, Any]:
    """Return what waits for a person, by key of the JSON output."""
    engine, env = session.engine, session.environment.name
    return {
        "candidates": link_suggestions.all_of(engine, env),
        "paused": leases.pauses(engine, env),
        "approvals": open_approvals(session),
        "failing": failures.all_of(engine, env),
    }


def open_lines(session: Session) -> Iterator[str]:
    """Yield a line for each open approval, failing write, paused lane and link suggestion."""
    points, declined = open_points(session), declines.all_of(session.engine, session.environment.name)
    for request in points["approvals"]:
        yield (
            f"approval: {request['approval']}: {request['actions']} x {request['group']}, due now "
            f"{request['due_now']}, per month {request['per_month']}, until {request['expires']}"
        )
    for row in points["failing"]:
        retry = after_decline(declined[row["target"]]) if row["target"] in declined else after_failure(row)
        yield f"failing: {row['target']}: {row['reason']}, {row['failures']} times, {retry}"
    for lane, reason in points["paused"].items():
        yield f"paused: {lane or 'all lanes'}: {reason}"
    for row in link_suggestions.all_of(session.engine, session.environment.name):
        yield f"link suggestion: {row['key']} and {row['stripe_id']}: {row['why']}"


def after_failure(row: Mapping[str, Any]) -> str:
    """Return when a refused write is retried."""
    return f"not retried until {row['until']:%Y-%m-%d %H:%M} UTC" if row["until"] else "retried every run"


def after_decline(decline: Decline) -> str:
    """Return when a declined payment is retried automatically."""
    attempt = next_attempt(decline)
    if attempt is None:
        return "not retried until the payment method changes, or stripe-sync retry"
    return f"not retried until {attempt:%Y-%m-%d %H:%M} UTC"


def print_entity(session: Session, id: str, *, as_json: bool) -> None:
    """Print the statuses of an id. Raises ConfigurationError where the last run saw no entity of this id."""
    found = statuses.find(session.engine, session.environment.name, id)
    if not found:
        raise ConfigurationError(
            f"No entity of {session.environment.name} has the id {id}. Use a Stigg id or a Stripe id as of the last run."
        )
    rows = [
        {
            "kind": s.kind,
            "id": s.id,
            "status": s.status.value,
            "reason": s.reason.value,
            "detail": s.detail,
            "stripe_id": s.stripe_id,
        }
        for s in found
    ]
    out(rows) if as_json else table(rows)
