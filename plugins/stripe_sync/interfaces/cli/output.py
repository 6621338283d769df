"""Output for people and scripts: plans, tables, JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stripe_sync.core.money import shown_all
from stripe_sync.domain.drift.rows import DriftRow, by_object
from stripe_sync.domain.plan.explain import explain
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse.comparisons import drift_rows
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.json_text import dumps
from stripe_sync.warehouse.plans import approvals
from stripe_sync.warehouse.plans.plans import StoredPlan

COLOURS = {
    "ok": "green",
    "warning": "yellow",
    "failure": "red",
    "SUCCESS": "green",
    "ERROR": "red",
    "PENDING": "yellow",
}


def out(value: Any) -> None:
    """Print a value as JSON on standard output."""
    print(json.dumps(json.loads(dumps(value)), indent=2, ensure_ascii=False))


def show(session: Session, stored: StoredPlan, *, as_json: bool) -> None:
    """Print a plan with its drift, as text or as JSON."""
    with connect_to_read(session.engine) as connection:
        drift = drift_rows.load_drift(connection, stored.comparison_id)
    if as_json:
        out(
            {
                "environment": stored.plan.environment,
                "run": stored.run_id,
                "plan": stored.plan.hash,
                "drift": [difference_as_json(rows) for rows in by_object(drift)],
                "actions": [
                    {"hash": a.hash, "group": a.group} | msgspec.structs.asdict(a) for a in stored.plan.actions
                ],
                "groups": stored.guard_results,
                "not_planned": stored.unplanned,
            }
        )
        return
    for line in explain(stored.plan, stored.guard_results, drift, stored.unplanned):
        print(line)


def difference_as_json(rows: list[DriftRow]) -> dict[str, Any]:
    """Return the drift rows of one object as JSON, each field with its value before and after."""
    first = rows[0]
    return {
        "kind": first.kind,
        "key": first.key,
        "entity": first.entity,
        "stripe_id": first.stripe_id,
        "stripe_url": first.stripe_url,
        "stigg_url": first.stigg_url,
        "since": first.since,
        "accepted": first.accepted,
        "state": first.state,
        "fields": [
            {
                "field": r.field,
                "before": r.before,
                "after": r.after,
                "severity": r.severity,
                "sentence": r.sentence,
                "per_month": r.per_month,
            }
            for r in rows
        ],
    }


def table(rows: list[dict[str, Any]]) -> None:
    """Print rows as a table; the columns are those of the first row."""
    if not rows:
        return
    shown = Table(box=None, pad_edge=False)
    for column in rows[0]:
        shown.add_column(column, overflow="fold")
    for row in rows:
        cells = [escape(str(value or "")) for value in row.values()]
        colour = COLOURS.get(str(row.get("status")), "")
        shown.add_row(*cells, style=colour)
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(shown)


def open_approvals(session: Session) -> list[dict[str, Any]]:
    """Return the approval requests without an answer, with amounts and times as texts."""
    found = approvals.waiting(session.engine, session.environment.name, now=session.clock.now())
    return [
        {
            "approval": a.request.hash,
            "group": a.request.group,
            "actions": len(a.request.actions),
            "due_now": shown_all(a.request.due_now),
            "per_month": shown_all(a.request.per_month),
            "expires": f"{a.expires_at:%Y-%m-%d %H:%M} UTC",
        }
        for a in found
    ]
