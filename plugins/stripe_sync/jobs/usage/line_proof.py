"""The lines of windows, their proof on a finalized invoice, and what Stripe rounded otherwise than the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from stripe_sync.core.clock import epoch
from stripe_sync.domain.usage import bills, drafts
from stripe_sync.domain.usage.proof import UsageLine, are_proven, rounding
from stripe_sync.jobs.inputs.billed_windows import bill_of, meter_on, rounding_of_meter
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.usage import ledger
from stripe_sync.warehouse.usage.ledger import Invoice, Window

NOT_ON_IT = (None, "waived", "reversed")
BILLS = (*ledger.OPEN, "proven")


def lines_for(session: Session, invoice: Invoice, windows: Iterable[Window]) -> list[UsageLine]:
    """The lines that a draft should have for some windows: of those that were read and that no meter bills on it."""
    by_lines = [w for w in windows if w.state in BILLS and w.quantity is not None and meter_on(w, invoice) is None]
    its = [bill_of(w) for w in by_lines]
    return bills.wanted(session.environment.name, invoice.subscription, its, covered=invoice.body.get("covered"))


def billed_together(windows: Iterable[Window], invoice: Invoice) -> list[Window]:
    """The windows that lines of an invoice bill: a minimum spend is shared by all of them."""
    return [w for w in windows if w.quantity is not None and w.state not in NOT_ON_IT and meter_on(w, invoice) is None]


def wanted_lines(
    session: Session, window: Window, invoice: Invoice, group: Iterable[Window], *, as_proven: bool = False
) -> list[UsageLine]:
    """The lines of one window of an invoice, by what Stigg said last, or by what was proven on its draft."""
    its = [bill_of(w) for w in group if w.id != window.id] + [bill_of(window)]
    if as_proven:
        proven = {w.id: w.held("proven", "billed")[0] for w in [*group, window]}
        its = [replace(bill, quantity=proven[bill.window]) for bill in its]
    covered = invoice.body.get("covered")
    lines = bills.wanted(session.environment.name, window.subscription, its, covered=covered)
    return [line for line in lines if bills.window_of(line.key) == (window.charge, epoch(window.start))]


def is_there(session: Session, window: Window, invoice: Invoice, wanted: Iterable[UsageLine]) -> bool:
    """Whether an invoice has exactly these lines of a window."""
    on_it, expected = drafts.held(invoice.body, session.signer), list(wanted)
    here = {k for k in on_it if bills.window_of(k) == (window.charge, epoch(window.start))}
    return here == {line.key for line in expected} and are_proven(expected, on_it)


def proven_quantity(session: Session, window: Window, invoice: Invoice, group: Iterable[Window]) -> Decimal | None:
    """The quantity of a window that an invoice bills: what Stigg said last, or what was proven before; None for neither."""
    assert window.quantity is not None
    own = list(group)
    if is_there(session, window, invoice, wanted_lines(session, window, invoice, own)):
        return window.quantity
    if is_there(session, window, invoice, wanted_lines(session, window, invoice, own, as_proven=True)):
        return window.held("proven")[0]
    return None


def record_rounding(connection: Connection, session: Session, run: Run, window: Window, invoice: Invoice) -> None:
    """Books what Stripe bills of a window beyond the ledger's amount, or below it, because it rounds otherwise."""
    if meter_on(window, invoice) is not None:
        difference = rounding_of_meter(window, invoice)
    else:
        windows = ledger.of_invoice(connection, session.environment.name, invoice.invoice)
        wanted = wanted_lines(session, window, invoice, billed_together(windows, invoice))
        difference = rounding(wanted, drafts.held(invoice.body, session.signer))
    book(connection, window.id, difference, at=run.now, run_id=run.id, invoice=invoice.invoice)


def book(connection: Connection, window: int, difference: int, *, at: datetime, run_id: str, invoice: str) -> None:
    """Moves an amount without quantity between ``rounded`` and ``billed``, so that ``billed`` is what Stripe charged.

    What lies in ``rounded`` is minor units that the ledger reckoned and Stripe did not bill; negative where it billed more.
    """
    more = difference + ledger.locked(connection, window).held("rounded")[1]
    if more:
        ledger.move(
            connection, window, "rounded", "billed", quantity=Decimal(0), amount=more, at=at, run_id=run_id,
            invoice=invoice, reason="Stripe rounds its lines otherwise.",
        )  # fmt: skip
