"""Step ``usage_settle``: windows of final invoices settled; drafts held that are not proven, and released that are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from stripe_sync.core import money
from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide import settlement
from stripe_sync.domain.usage.decide.assignment import assign, unproven
from stripe_sync.domain.usage.holds.grace import alerts_on_run
from stripe_sync.domain.usage.ledger import BILLABLE, UsageState
from stripe_sync.domain.usage.windows import Window
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.usage import REPORTED_PERIOD, FoundDue, Settled, UsageCounts, WrittenLines
from stripe_sync.jobs.runtime.step import result_or, step
from stripe_sync.jobs.usage.drafts.danger import in_danger
from stripe_sync.jobs.usage.drafts.holds import hold
from stripe_sync.jobs.usage.drafts.release import let_go
from stripe_sync.jobs.usage.final_invoice import free_of_charge
from stripe_sync.jobs.usage.permissions import leased, owner_of
from stripe_sync.jobs.usage.steps.find_stuck import find_stuck
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import figures as usage_figures
from stripe_sync.warehouse.usage import movements, usage_invoices, usage_windows

WHY = "Its usage is not proven."


@step(Settled)
def usage_settle(session: Session, run: Run) -> Settled:
    """Store what finalized invoices decide, hold and release drafts, and list invoices that nothing moves on.

    ``pages`` are the sentences that raise an alert, in every mode: a report is no write.
    """
    due = result_or(session, run, FoundDue())
    result = settle_due(session, run, due)
    found = find_stuck(session, run, due)
    return replace(result, listed=found, pages=[*result.pages, *found.stuck_pages])


def settle_due(session: Session, run: Run, due: FoundDue) -> Settled:
    """Settle what the run found due; short drafts, and mirrors that are old, raise an alert in any case."""
    observed = due.observed
    overall = alerts_on_run(due.short, due.stale)
    if not due.is_any_due:
        return Settled(pages=overall, summary=figures(session, run, late=0))
    blocked = due.blocked
    late = settle(session, run, due.read_invoices)
    waiting, missing = load_unproven(session, blocked)
    with leased(session, run) as lease:
        held = hold(session, run, lease, missing, cause="usage", why=WHY, observed=observed)
        released = let_go(session, run, lease, blocked, observed=observed)
    written = result_or(session, run, WrittenLines())
    endangered = in_danger(session, run, missing, waiting, observed)
    unread = [problem.detail for problem in due.unreadable]
    pages = [*unread, *written.alerts, *late, *endangered, *due.unowed, *overall]
    return Settled(held=held, released=released, pages=pages, summary=figures(session, run, late=len(late)))


def load_unproven(session: Session, blocked: set[str]) -> tuple[list[Window], list[Invoice]]:
    """Return the windows that have to get onto an invoice, and the drafts on which one of them is missing."""
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        waiting = usage_windows.in_states(connection, name, (UsageState.REPORTED, *ledger.OPEN))
        seen = usage_invoices.may_bill(connection, name, waiting, also=blocked)
    return waiting, unproven(waiting, seen, blocked)


def figures(session: Session, run: Run, *, late: int) -> UsageCounts:
    """Count the windows of the last two months by state, and sum what Stripe billed less, minor units by currency."""
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        rounded = {c: money.plain(minor) for c, minor in usage_figures.rounded(connection, name).items()}
        counts = usage_windows.counts(connection, name, since=run.now - REPORTED_PERIOD)
    return UsageCounts(late=late, counts=counts, rounded=rounded)


def settle(session: Session, run: Run, read: Iterable[str]) -> list[str]:
    """Settle the windows of invoices that are drafts no more; return a sentence for each that is not billed."""
    name, owner = session.environment.name, owner_of(session)
    with session.engine.begin() as connection:
        windows = usage_windows.in_states(connection, name, BILLABLE)
        windows += settlement.billed(usage_windows.of_invoice(connection, name, id) for id in read)
        assigned = assign(windows, usage_invoices.may_bill(connection, name, windows))
        final = settlement.finalized(assigned)
        named = {i.invoice: usage_windows.of_invoice(connection, name, i.invoice) for i in final.values()}
        settled = settlement.settle(windows, final, named, owner=owner)
        movements.store(connection, settled.drains, at=run.now, run_id=run.id)
        for id, invoice in final.items():
            book_rounding(connection, session, run, id, invoice)
        waived = settlement.waive_free(free_of_charge(connection, session, run))
        movements.store(connection, waived.drains, at=run.now, run_id=run.id)
        abandoned = settlement.abandon(windows, assigned, usage_windows.terms_revisions(connection, name))
        movements.store(connection, abandoned.drains, at=run.now, run_id=run.id)
    return [*settled.alerts, *abandoned.alerts]


def book_rounding(connection: Connection, session: Session, run: Run, id: int, invoice: Invoice) -> None:
    """Store what Stripe rounds of a billed window otherwise than the ledger."""
    named = usage_windows.of_invoice(connection, session.environment.name, invoice.invoice)
    window = usage_windows.locked(connection, id)
    for movement in settlement.book_rounding(window, invoice, named, owner=owner_of(session)):
        movements.move(connection, movement, at=run.now, run_id=run.id)
