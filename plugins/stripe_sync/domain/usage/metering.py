"""Metered lines of a window on an invoice, and the period of its summary request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from stripe_sync.core import money
from stripe_sync.core.clock import epoch
from stripe_sync.domain.actual.renewals import is_over, item_lines
from stripe_sync.domain.model.meter_units import Meter
from stripe_sync.domain.model.stripe_invoices import InvoiceLine, StripeInvoice

MINUTE = 60


def lines_of(invoice: StripeInvoice, item: str) -> Iterator[InvoiceLine]:
    """The lines of an invoice that bill what a meter counted, of one item of its subscription: for time that is over."""
    for line in item_lines(invoice):
        details = line.origin.subscription_item_details
        if details is not None and details.subscription_item == item and is_over(line, invoice):
            yield line


def bills(invoice: StripeInvoice, item: str, meter: Meter, start: datetime, end: datetime) -> bool:
    """Return whether an invoice bills a window by its meter: it has lines of the item at this price for the window's time."""
    return any(
        line.price() == meter.price and line.period.start <= epoch(start) and epoch(end) <= line.period.end
        for line in lines_of(invoice, item)
    )


def billed(invoice: StripeInvoice, item: str) -> tuple[Decimal, int]:
    """(units, minor units) that an invoice bills of an item by its meter; flat fees have no units."""
    lines = list(lines_of(invoice, item))
    return sum((line.units() for line in lines), Decimal(0)), sum(line.amount for line in lines)


def is_as_expected(invoice: StripeInvoice, item: str, expected: tuple[Decimal, int], currency: str) -> bool:
    """Return whether an invoice bills an item by its meter as expected (units, minor units), within line rounding."""
    units, amount = billed(invoice, item)
    count = max(1, len(list(lines_of(invoice, item))))
    return units == expected[0] and money.is_rounding(amount - expected[1], currency, lines=count)


def summary_bounds(start: datetime, end: datetime) -> tuple[int, int]:
    """Return the period of a window's summary, in whole minutes; its events lie a second before its end."""
    return -(-epoch(start) // MINUTE) * MINUTE, -(-epoch(end) // MINUTE) * MINUTE
