"""Each page as sections of tables: what is asked of the warehouse, and what each cell links to. Nothing here writes.

Customers are shown by their ids; names and addresses of people are hidden as in the reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import Engine

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.lanes import LANES
from stripe_sync.core.settings import Environment
from stripe_sync.domain.drift.rows import Places
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.reporting.explain import explain_customer
from stripe_sync.reporting.tables import presentable
from stripe_sync.warehouse.engine import run_sql

PAGE = 50
KINDS = ("customer", "subscription", "plan", "addon", "coupon", "product")
# Stigg's words for people who look at its app.
STATES = {"SUCCESS": "successful", "ERROR": "failed", "NO_SYNC_REQUIRED": "will not be synced", "PENDING": "pending"}
IN_STRIPE = {"plan": "product", "addon": "product"}


@dataclass(frozen=True)
class Cell:
    """A text with where it leads, and what it is (a state, or Stripe's mark)."""

    text: str
    href: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Section:
    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Page:
    title: str
    sections: tuple[Section, ...]
    search: Mapping[str, Any] = field(default_factory=dict)
    more: str = ""


@dataclass(frozen=True)
class Viewer:
    """One environment as its pages show it. ``base`` is the path that the app is served under, ``airflow`` Airflow's own."""

    environment: Environment
    engine: Engine
    now: datetime
    base: str
    airflow: str

    def ask(self, name: str, **about: Any) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return run_sql(connection, name, environment=self.environment.name, **about)

    def url(self, *parts: str, **query: str) -> str:
        path = "/".join([self.base, quote(self.environment.name), *(quote(part, safe="") for part in parts)])
        return f"{path}?{urlencode(query)}" if query else path

    @property
    def places(self) -> Places:
        return Places(self.environment.dashboard(), self.environment.stigg.entity_url, self.environment.name)

    def entity(self, kind: str, id: str) -> Cell:
        return Cell(id, self.url("entities", kind, id))

    def in_stripe(self, kind: str, id: str | None) -> Cell:
        """The billing ID with Stripe's mark; it leads to Stripe."""
        return Cell(id, self.places.stripe(IN_STRIPE.get(kind, kind), id), "stripe") if id else Cell("")


def cells(rows: Iterable[Mapping[str, Any]], **made: Any) -> tuple[tuple[str, ...], tuple[tuple[Cell, ...], ...]]:
    """(columns, rows) of query rows; ``made`` are functions that make the cell of a column from its row."""
    shown = [(row, presentable(row, names=False)) for row in rows]
    columns = tuple(shown[0][1]) if shown else ()
    return columns, tuple(
        tuple(made[c](row) if c in made else Cell(text_of(value)) for c, value in plain.items()) for row, plain in shown
    )


def section(title: str, rows: Iterable[Mapping[str, Any]], note: str = "", **made: Any) -> Section:
    columns, found = cells(rows, **made)
    return Section(title, tuple(c.replace("_", " ") for c in columns), found, note)


def text_of(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)


def state(row: Mapping[str, Any]) -> Cell:
    """A sync status in the words of Stigg's app."""
    return Cell(STATES[row["status"]], mark=row["status"])


def countdown(moment: datetime | None, now: datetime) -> str:
    """How long until a moment: ``in 42 min``, ``in 3 h``, ``in 2 days``, or that it is over."""
    if moment is None:
        return "not scheduled"
    left = moment - now
    if left <= timedelta(0):
        return "due"
    minutes = int(left.total_seconds() // 60)
    if minutes < 120:
        return f"in {minutes} min"
    return f"in {minutes // 60} h" if minutes < 2880 else f"in {minutes // 1440} days"


def overview(v: Viewer) -> Page:
    """Runs, lanes, what waits for a person, the trend, and drafts with their countdown."""
    modes = [{"lane": r["lane"], "mode": v.environment.mode(r["lane"]), **{k: r[k] for k in r if k != "lane"}}
             for r in v.ask("web/lanes", lanes=list(LANES))]  # fmt: skip
    waiting = v.ask("web/approvals", now=v.now)
    drafts = [{"finalized": countdown(r["finalizes_at"], v.now), **r} for r in v.ask("web/drafts")]
    asked = f"{v.airflow}/dags/apply__{v.environment.name}"
    return Page("Overview", (
        section("Waits for approval", waiting, "Answer in Airflow, or by stripe-sync approve.",
                hash=lambda r: Cell(r["hash"], asked)),
        section("Drafts and when they are finalized", drafts, subscription=lambda r: Cell(
            r["subscription"], v.places.stripe("subscription", r["subscription"]), "stripe")),
        section("Lanes", modes),
        section("Last runs", v.ask("web/runs"), run_id=lambda r: Cell(r["run_id"], v.url("plans", r["run_id"]))),
        section("Statuses", v.ask("reports/status_counts"), status=lambda r: Cell(
            STATES[r["status"]], v.url("entities", kind=r["kind"], status=r["status"]), r["status"])),
        section("Differences a day", v.ask("reports/history", now=v.now)),
    ))  # fmt: skip


def entities(v: Viewer, *, kind: str, status: str, q: str, after: str) -> Page:
    """Entities of a kind with their sync status; by the beginning of their id, or by their Stripe id."""
    kind = kind if kind in KINDS else KINDS[0]
    status = status if status in STATES else ""
    rows = v.ask("web/entities", kind=kind, status=status, q=q, after=after, most=PAGE + 1)
    if q and not rows and not after:
        rows = v.ask("web/by_stripe_id", q=q, most=PAGE + 1)
    more = v.url("entities", kind=kind, status=status, q=q, after=rows[PAGE - 1]["id"]) if len(rows) > PAGE else ""
    shown = section(
        f"{kind.title()}s", rows[:PAGE], "" if rows else "None found.", status=state,
        id=lambda r: v.entity(r["kind"], r["id"]), stripe_id=lambda r: v.in_stripe(r["kind"], r["stripe_id"]),
    )  # fmt: skip
    return Page(
        "Entities", (shown,), {"kind": kind, "status": status, "q": q, "kinds": KINDS, "statuses": STATES}, more
    )


def entity(v: Viewer, *, kind: str, id: str) -> Page | None:
    """One entity: its status, its difference field by field, and its history; None where nobody knows it."""
    found = [r for r in v.ask("web/entities", kind=kind, status="", q=id, after="", most=PAGE) if r["id"] == id]
    if not found:
        return None
    row = found[0]
    links = [{
        "sync_status": row["status"], "billing_ID": row["stripe_id"], "in_Stigg": v.places.stigg_of((kind, id)),
        "reason": row["reason"], "detail": row["detail"],
    }]  # fmt: skip
    head = section(
        "Sync status", links, sync_status=lambda r: Cell(STATES[r["sync_status"]], mark=r["sync_status"]),
        billing_ID=lambda r: v.in_stripe(kind, r["billing_ID"]), in_Stigg=lambda r: Cell("open in Stigg", r["in_Stigg"]),
    )  # fmt: skip
    more = (
        (Section("Everything about this customer", note=v.url("customers", id)),) if kind == EntityKind.CUSTOMER else ()
    )
    differs = [
        {**r, "kind": "customer" if kind == EntityKind.CUSTOMER else r["kind"]}
        for r in v.ask("web/differences", kind=kind, id=id)
    ]
    return Page(f"{kind} {id}", (
        head, *more,
        section("What differs", differs, "" if differs else "Nothing: both sides agree."),
        section("History", v.ask("web/history", kind=kind, id=id)),
    ))  # fmt: skip


def customer(v: Viewer, id: str) -> Page | None:
    """One customer as ``explain`` shows it."""
    try:
        page = explain_customer(v.engine, v.environment.name, id)
    except ConfigurationError:
        return None
    titles = ("statuses", "links", "stigg", "stripe", "drafts", "usage", "drift", "history")
    note = f"As of {text_of(page['as_of'])}."
    return Page(
        f"customer {page['customer']}",
        tuple(section(t.title(), page[t], note if t == "statuses" else "") for t in titles),
    )


def plans(v: Viewer) -> Page:
    rows = v.ask("web/plans")
    return Page(
        "Plans",
        (section("Plans, newest first", rows, run_id=lambda r: Cell(r["run_id"], v.url("plans", r["run_id"]))),),
    )


def plan(v: Viewer, run_id: str) -> Page | None:
    """One plan: its groups with the guards' word, its actions, and what became of them."""
    actions = v.ask("web/actions", run_id=run_id)
    groups = v.ask("reports/groups", run_id=run_id)
    if not groups and not any(r["run_id"] == run_id for r in v.ask("web/plans")):
        return None
    note = "The first 500 actions." if len(actions) == 500 else "" if actions else "Nothing was planned."
    return Page(f"Plan of {run_id}", (section("Groups", groups), section("Actions", actions, note)))


def usage(v: Viewer) -> Page:
    rows = [{"finalized": countdown(r["finalizes_at"], v.now), **r} for r in v.ask("reports/usage_open")[:500]]
    return Page("Usage", (section("By state", v.ask("reports/usage")), section(
        "On no finalized invoice yet", rows, subscription=lambda r: v.entity("subscription", r["subscription"]))))  # fmt: skip
