"""The ledger's open windows as people read them: what they cost, where they are, and until when."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from stripe_sync.core import money
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide.assignment import assign
from stripe_sync.domain.usage.holds.draft_hold import DraftHold
from stripe_sync.domain.usage.ledger import BILLABLE, UsageState
from stripe_sync.domain.usage.windows import Window
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import draft_holds, usage_invoices, usage_windows

NOT_BILLED = (UsageState.REPORTED, *BILLABLE, UsageState.UNBILLABLE, UsageState.REVERSED)


class OpenWindow(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """A window that is neither billed nor waived; ``row`` is its number in the ledger, texts are as people read them."""

    row: int
    subscription: str
    feature: str
    start: str
    end: str
    quantity: str | None
    amount: str | None
    state: str
    invoice: str | None
    finalizes: str | None
    held: bool
    reason: str | None


def open_windows(session: Session) -> list[OpenWindow]:
    """Return the windows that are neither billed nor waived, the oldest first."""
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        windows = usage_windows.in_states(connection, name, NOT_BILLED)
        seen = usage_invoices.may_bill(connection, name, windows)
        holds = draft_holds.holds(connection, name)
    assigned = assign(windows, seen)
    return [open_window(window, assigned.get(window.id), holds) for window in windows]


def open_window(window: Window, invoice: Invoice | None, holds: dict[str, DraftHold]) -> OpenWindow:
    """Return one window with its invoice and its hold."""
    terms = window.terms
    held = holds.get(invoice.invoice) if invoice is not None else None
    amount = terms.amount(window.quantity) if window.quantity is not None else None
    return OpenWindow(
        row=window.id,
        subscription=window.measured.subscription,
        feature=window.measured.feature,
        start=f"{window.start:%Y-%m-%d %H:%M}",
        end=f"{window.end:%Y-%m-%d %H:%M}",
        quantity=money.plain(window.quantity) if window.quantity is not None else None,
        amount=money.shown(Decimal(amount), terms.currency) if amount is not None else None,
        state=window.state.value or "due",
        invoice=invoice.invoice if invoice is not None else None,
        finalizes=f"{invoice.finalizes_at:%Y-%m-%d %H:%M}" if invoice and invoice.finalizes_at else None,
        held=held is not None and held.held,
        reason=window.reason,
    )
