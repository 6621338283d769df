"""What became of the invoices: billed, reversed, or too late; drafts held that are not proven, and released that are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import Connection

from stripe_sync.core import money
from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide import settlement
from stripe_sync.domain.usage.decide.assignment import assign, unproven
from stripe_sync.domain.usage.holds import grace
from stripe_sync.domain.usage.ledger import BILLABLE, UsageState
from stripe_sync.domain.usage.windows import Window
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.preflight import held_at_observe
from stripe_sync.jobs.runtime.step import Result, step
from stripe_sync.jobs.usage.drafts.danger import in_danger
from stripe_sync.jobs.usage.drafts.holds import hold
from stripe_sync.jobs.usage.drafts.release import let_go
from stripe_sync.jobs.usage.final_invoice import free_of_charge
from stripe_sync.jobs.usage.permissions import leased, may_write, owner_of
from stripe_sync.jobs.usage.steps.find_stuck import find_stuck
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.usage import figures as usage_figures
from stripe_sync.warehouse.usage import movements, usage_invoices, usage_windows

LATELY = timedelta(days=62)


@step
def usage_settle(session: Session, run: Run) -> Result:
    """Moves what finalized invoices decide, holds and releases drafts, and looks for invoices that nothing moves on.

    ``pages`` are sentences that wake somebody.
    """
    due = runs.result(session.engine, session.environment.name, run.id, "usage_due") or {}
    result = settle_due(session, run, due)
    found = find_stuck(session, run, due)
    pages = found["stuck_pages"]
    if pages and not may_write(session, run, due.get("held_at_observe") or held_at_observe(session)):
        pages = []
    return result | found | {"pages": [*result["pages"], *pages]}


def settle_due(session: Session, run: Run, due: Result) -> Result:
    """Settles what the run found due."""
    name, observed = session.environment.name, due.get("held_at_observe", "")
    if not due.get("due"):
        pages = about_the_whole(due)
        return {"held": [], "released": [], "late": 0, "pages": pages, **figures(session, run)}
    blocked = {p["stripe_subscription"] for p in due.get("problems", ())}
    late = settle(session, run, due.get("invoices", ()))
    with session.engine.connect() as connection:
        waiting = usage_windows.in_states(connection, name, (UsageState.REPORTED, *ledger.OPEN))
        seen = usage_invoices.may_bill(connection, name, waiting, also=blocked)
    missing = unproven(waiting, seen, blocked)
    why = "Its usage is not proven."
    with leased(session, run) as lease:
        held = hold(session, run, lease, missing, cause="usage", why=why, observed=observed)
        released = let_go(session, run, lease, blocked, observed=observed)
    written = runs.result(session.engine, name, run.id, "usage_lines") or {}
    pages = [*written.get("pages", ()), *late, *in_danger(session, run, missing, waiting, observed)]
    pages += [*due.get("unowed", ()), *about_the_whole(due)]
    return {"held": held, "released": released, "late": len(late), "pages": pages, **figures(session, run)}


def about_the_whole(due: Result) -> list[str]:
    """Return what has to be read whether or not something was due: short drafts, and mirrors that are old."""
    short = [grace.sentence(due["short"])] if due.get("short") else []
    return short + ([due["stale"]] if due.get("stale") else [])


def figures(session: Session, run: Run) -> Result:
    """``counts``: the windows of the last two months by state; ``rounded``: minor units by currency that Stripe billed less."""
    name = session.environment.name
    with session.engine.connect() as connection:
        rounded = {c: money.plain(minor) for c, minor in usage_figures.rounded(connection, name).items()}
        return {"counts": usage_windows.counts(connection, name, since=run.now - LATELY), "rounded": rounded}


def settle(session: Session, run: Run, read: Iterable[str]) -> list[str]:
    """Settle the windows of invoices that are drafts no more; return a sentence for each that is not billed."""
    name, owner = session.environment.name, owner_of(session)
    with session.engine.begin() as connection:
        windows = usage_windows.in_states(connection, name, BILLABLE)
        windows += billed_windows(connection, name, read)
        seen = usage_invoices.may_bill(connection, name, windows)
        assigned = assign(windows, seen)
        final = {id: invoice for id, invoice in assigned.items() if invoice.status != "draft"}
        named = {i.invoice: usage_windows.of_invoice(connection, name, i.invoice) for i in final.values()}
        settled = settlement.settle(windows, final, named, owner=owner)
        movements.store(connection, settled.drains, at=run.now, run_id=run.id)
        for id, invoice in final.items():
            book_rounding(connection, session, run, id, invoice)
        waived = settlement.waive_free(free_of_charge(connection, session, run))
        movements.store(connection, waived.drains, at=run.now, run_id=run.id)
        abandoned = settlement.abandon(windows, assigned, usage_windows.openings(connection, name))
        movements.store(connection, abandoned.drains, at=run.now, run_id=run.id)
    return [*settled.alerts, *abandoned.alerts]


def billed_windows(connection: Connection, environment: str, invoices: Iterable[str]) -> list[Window]:
    """Return the windows that are billed on some invoices, as their newest movement says."""
    its = [window for id in invoices for window in usage_windows.of_invoice(connection, environment, id)]
    return [window for window in its if window.state is UsageState.BILLED]


def book_rounding(connection: Connection, session: Session, run: Run, id: int, invoice: Invoice) -> None:
    """Store what Stripe rounds of a billed window otherwise than the ledger."""
    named = usage_windows.of_invoice(connection, session.environment.name, invoice.invoice)
    window = usage_windows.locked(connection, id)
    for movement in settlement.book_rounding(window, invoice, named, owner=owner_of(session)):
        movements.move(connection, movement, at=run.now, run_id=run.id)
