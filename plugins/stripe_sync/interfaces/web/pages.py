"""Pages as sections of tables: the query of each section and the links of its cells. Nothing here writes.

Customers are shown by their ids; names and addresses of people are hidden as in the reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.lanes import LANES
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.interfaces.web.sections import Cell, Page, Section, Viewer, countdown, section, text_of
from stripe_sync.reporting.explain import explain_customer

PAGE = 50
KINDS = ("customer", "subscription", "plan", "addon", "coupon", "product")
# Sync statuses as the Stigg app shows them.
STATES = {"SUCCESS": "successful", "ERROR": "failed", "NO_SYNC_REQUIRED": "will not be synced", "PENDING": "pending"}


def state(row: Mapping[str, Any]) -> Cell:
    """Return a sync status as the Stigg app shows it."""
    return Cell(STATES[row["status"]], css_class=row["status"])


def overview(v: Viewer) -> Page:
    """Return the overview: approvals, drafts with the time left, lanes, runs, statuses and the trend."""
    modes = [
        {"lane": r["lane"], "mode": v.environment.mode(r["lane"]), **{k: r[k] for k in r if k != "lane"}}
        for r in v.query("web/lanes", lanes=list(LANES))
    ]
    waiting = v.query("web/approvals", now=v.now)
    drafts = [{"finalized": countdown(r["finalizes_at"], v.now), **r} for r in v.query("web/drafts")]
    requests = f"{v.airflow}/dags/apply__{v.environment.name}"
    return Page(
        "Overview",
        (
            section(
                "Open approvals",
                waiting,
                "Answer in Airflow, or with stripe-sync approve.",
                empty="No approvals are open.",
                hash=lambda r: Cell(r["hash"], requests),
            ),
            section(
                "Draft invoices",
                drafts,
                empty="No draft invoices are open.",
                subscription=lambda r: Cell(
                    r["subscription"], v.dashboard_links.stripe("subscription", r["subscription"]), "stripe"
                ),
            ),
            section("Lanes", modes),
            section(
                "Last runs",
                v.query("web/runs"),
                empty="No run yet.",
                run_id=lambda r: Cell(r["run_id"], v.url("plans", r["run_id"])),
            ),
            section(
                "Sync statuses",
                v.query("reports/status_counts"),
                status=lambda r: Cell(
                    STATES[r["status"]], v.url("entities", kind=r["kind"], status=r["status"]), r["status"]
                ),
            ),
            section("Open differences per day", v.query("reports/history", now=v.now)),
        ),
    )


def entities(v: Viewer, *, kind: str, status: str, q: str, after: str) -> Page:
    """Return the entities of a kind with their sync status, searched by the beginning of their id or by their Stripe id."""
    kind = kind if kind in KINDS else KINDS[0]
    status = status if status in STATES else ""
    rows = v.query("web/entities", kind=kind, status=status, q=q, after=after, most=PAGE + 1)
    if q and not rows and not after:
        rows = v.query("web/by_stripe_id", q=q, most=PAGE + 1)
    more = v.url("entities", kind=kind, status=status, q=q, after=rows[PAGE - 1]["id"]) if len(rows) > PAGE else ""
    shown = section(
        f"{kind.title()}s",
        rows[:PAGE],
        empty="No entities found.",
        status=state,
        id=lambda r: v.entity(r["kind"], r["id"]),
        stripe_id=lambda r: v.in_stripe(r["kind"], r["stripe_id"]),
    )
    return Page(
        "Entities", (shown,), {"kind": kind, "status": status, "q": q, "kinds": KINDS, "statuses": STATES}, more
    )


def entity(v: Viewer, *, kind: str, id: str) -> Page | None:
    """Return one entity: its status, its differences by field, and its history; None where it does not exist."""
    found = [r for r in v.query("web/entities", kind=kind, status="", q=id, after="", most=PAGE) if r["id"] == id]
    if not found:
        return None
    row = found[0]
    links = [
        {
            "sync_status": row["status"],
            "billing_ID": row["stripe_id"],
            "in_Stigg": v.dashboard_links.stigg_of((kind, id)),
            "reason": row["reason"],
            "detail": row["detail"],
        }
    ]
    head = section(
        "Sync status",
        links,
        sync_status=lambda r: Cell(STATES[r["sync_status"]], css_class=r["sync_status"]),
        billing_ID=lambda r: v.in_stripe(kind, r["billing_ID"]),
        in_Stigg=lambda r: Cell("open in Stigg", r["in_Stigg"]),
    )
    more = (Section("Customer in full", note=v.url("customers", id)),) if kind == EntityKind.CUSTOMER else ()
    differs = [
        {**r, "kind": "customer" if kind == EntityKind.CUSTOMER else r["kind"]}
        for r in v.query("web/differences", kind=kind, id=id)
    ]
    return Page(
        f"{kind} {id}",
        (
            head,
            *more,
            section("Differences", differs, empty=no_differences(row["status"])),
            section("History", v.query("web/history", kind=kind, id=id), empty="No writes and no manual actions."),
        ),
    )


def no_differences(status: str) -> str:
    """Return the note of an entity without open differences; only a synced one agrees with Stripe."""
    return "None. Stigg and Stripe agree." if status == "SUCCESS" else "None. The sync status above has the reason."


def customer(v: Viewer, id: str) -> Page | None:
    """Return one customer as ``explain`` shows it; None where it does not exist."""
    try:
        page = explain_customer(v.engine, v.environment.name, id)
    except ConfigurationError:
        return None
    titles = ("statuses", "links", "stigg", "stripe", "drafts", "usage", "drift", "history")
    note = f"As of {text_of(page['as_of'])}."
    return Page(
        f"customer {page['customer']}",
        tuple(section(t.title(), page[t], note if t == "statuses" else "", empty=f"No {t}.") for t in titles),
    )


def plans(v: Viewer) -> Page:
    """Return the newest plans."""
    rows = v.query("web/plans")
    return Page(
        "Plans",
        (section("Plans, newest first", rows, run_id=lambda r: Cell(r["run_id"], v.url("plans", r["run_id"]))),),
    )


def plan(v: Viewer, run_id: str) -> Page | None:
    """Return one plan: its groups with the guards' results, its actions and their outcomes; None where it does not exist."""
    actions = v.query("web/actions", run_id=run_id)
    groups = v.query("reports/groups", run_id=run_id)
    if not groups and not any(r["run_id"] == run_id for r in v.query("web/plans")):
        return None
    note = "The first 500 actions." if len(actions) == 500 else "" if actions else "No actions were planned."
    return Page(f"Plan of {run_id}", (section("Groups", groups), section("Actions", actions, note)))


def usage(v: Viewer) -> Page:
    """Return usage by state, and the windows that are on no finalized invoice yet."""
    rows = [{"finalized": countdown(r["finalizes_at"], v.now), **r} for r in v.query("reports/usage_open")[:500]]
    return Page(
        "Usage",
        (
            section("By state", v.query("reports/usage")),
            section(
                "Not yet on a finalized invoice",
                rows,
                empty="No usage is open.",
                subscription=lambda r: v.entity("subscription", r["subscription"]),
            ),
        ),
    )
