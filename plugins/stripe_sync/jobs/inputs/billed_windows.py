"""A window and an invoice as the ledger keeps them: the bill of the window, and the meter by which the invoice bills it. Pure."""

from __future__ import annotations

from decimal import Decimal

from stripe_sync.core.decoding import typed
from stripe_sync.domain.model.meter_units import Meter, expected
from stripe_sync.domain.usage import metering
from stripe_sync.domain.usage.bills import Bill
from stripe_sync.domain.usage.terms import Terms
from stripe_sync.warehouse.usage.ledger import Invoice, Window


def bill_of(window: Window) -> Bill:
    """A window that was read, as lines bill it."""
    assert window.quantity is not None, "a window that was read"
    terms = typed(window.terms, Terms)
    return Bill(window.id, window.charge, window.start, window.end, terms, window.quantity)


def meter_on(window: Window, invoice: Invoice) -> Meter | None:
    """The meter by which an invoice bills a window; None where lines of our own do."""
    meter = typed(window.terms, Terms).meter
    if meter is None:
        return None
    here = metering.bills(invoice.body, window.measured["item"], meter, window.start, window.end)
    return meter if here else None


def is_billed_by_meter(window: Window, invoice: Invoice, quantity: Decimal) -> bool:
    """Whether the metered lines of an invoice bill exactly a quantity of a window."""
    terms = typed(window.terms, Terms)
    assert terms.meter is not None
    should = expected(terms.priced(), terms.meter, quantity)
    return metering.is_as_expected(invoice.body, window.measured["item"], should, terms.currency)


def rounding_of_meter(window: Window, invoice: Invoice) -> int:
    """The minor units by which Stripe rounded the metered lines of a window otherwise than the ledger; 0 where they differ by more."""
    if window.quantity is None or not is_billed_by_meter(window, invoice, window.quantity):
        return 0
    amount = typed(window.terms, Terms).amount(window.quantity)
    return metering.billed(invoice.body, window.measured["item"])[1] - amount
