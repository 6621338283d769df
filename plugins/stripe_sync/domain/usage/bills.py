"""The lines that an invoice should have for use: those of each window, and what a minimum spend covers (BILLING 3).

No line is negative and none is a bare amount: what a minimum spend covers is billed at price 0, and what exceeds it as one unit
at its share of the excess.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from stripe_sync.core import keys, money, ownership
from stripe_sync.core.clock import epoch
from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.model.meter_units import Meter, expected
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.usage import metering
from stripe_sync.domain.usage.proof import UsageLine
from stripe_sync.domain.usage.terms import Terms
from stripe_sync.domain.usage.windows import Window

LINE = ownership.USAGE_LINE
COVERED, EXCESS = "covered", "excess"


@dataclass(frozen=True)
class Invoice:
    """An invoice as it was last seen. ``bound`` is the end of the windows that it bills (UTC).

    ``body`` is Stripe's answer, which is stored as it came; ``stripe`` has the fields of it that are read.
    """

    invoice: str
    subscription: str
    status: str
    bound: datetime
    created_at: datetime
    finalizes_at: datetime | None
    is_stale: bool
    body: dict[str, Any]

    @cached_property
    def stripe(self) -> StripeInvoice:
        """Return the answer as a type. Raises EntityError ``UNKNOWN_SHAPE``."""
        return from_stripe(self.body, StripeInvoice)


@dataclass(frozen=True)
class Bill:
    """One window with what is to be billed for it. ``window`` is its number in the ledger."""

    window: int
    charge: str
    start: datetime
    end: datetime
    terms: Terms
    quantity: Decimal


def line_key(environment: str, subscription: str, charge: str, start: datetime, part: str) -> str:
    """Return the key of one line of a window, as in its ownership marker."""
    return keys.link_key(LINE, keys.part(environment), keys.part(subscription), charge, str(epoch(start)), part)


def window_of(key: str) -> tuple[str, int]:
    """(charge, start) of the window that a line's key is about."""
    *_, charge, start, _ = key.split(":")
    return charge, int(start)


def expected_lines(
    environment: str, subscription: str, bills: Sequence[Bill], *, covered: int | None = None
) -> list[UsageLine]:
    """The lines of the windows of one invoice, in the order of charges and time, so that a retry makes the same ones.

    ``covered`` is what a minimum spend was charged in advance for their period, minor units; where that was not read it is
    the minimum itself.
    """
    ordered = sorted(bills, key=lambda b: (b.charge, b.start))
    minimum = minimum_of(ordered)
    if minimum is None:
        return [line for bill in ordered for line in lines_of(environment, subscription, bill)]
    covers = covered if covered is not None else minimum
    shares = excess_shares([b.terms.amount(b.quantity) for b in ordered], covers, currency_of(ordered))
    return [
        line
        for bill, share in zip(ordered, shares, strict=True)
        for line in lines_under_minimum(environment, subscription, bill, share)
    ]


def currency_of(bills: Sequence[Bill]) -> str:
    """The currency of an invoice's windows: a subscription has one."""
    return bills[0].terms.currency


def minimum_of(bills: Sequence[Bill]) -> int | None:
    """The minimum spend by the terms that held last, minor units; None where none of the windows has one."""
    under = [bill for bill in bills if bill.terms.minimum is not None]
    latest = max(under, key=lambda b: b.end, default=None)
    return money.round_minor(Decimal(latest.terms.minimum or 0)) if latest is not None else None


def excess_shares(amounts: Sequence[int], covers: int, currency: str) -> list[int]:
    """Return each window's share of its group's usage over a minimum, minor units: by list amount, floored, the rest last."""
    used = sum(amounts)
    excess = max(0, used - covers)
    unit = money.chargeable_unit(currency)
    shares = [excess * amount // used // unit * unit if used else 0 for amount in amounts]
    last = max((n for n, amount in enumerate(amounts) if amount), default=None)
    if last is not None:
        shares[last] += excess - sum(shares)
    return shares


def lines_of(environment: str, subscription: str, bill: Bill) -> Iterator[UsageLine]:
    """The lines of one window: a tier's units and its flat fee are a line each."""
    for number, line in enumerate(bill.terms.lines(bill.quantity), 1):
        tier = f", tier {line.tier}" if line.tier else ""
        text = f"{bill.terms.label}{tier}{' (flat)' if line.flat else ''}"
        key = line_key(environment, subscription, bill.charge, bill.start, str(number))
        yield made(bill, key, line.quantity, line.unit_amount, text=text)


def lines_under_minimum(environment: str, subscription: str, bill: Bill, share: int) -> Iterator[UsageLine]:
    """The lines of one window under a minimum spend: its quantity at price 0, and its share of the excess as one unit."""
    label, quantity = bill.terms.label, max(Decimal(0), bill.quantity)
    covered = line_key(environment, subscription, bill.charge, bill.start, COVERED)
    text = f"{label} (covered by the minimum spend)"
    yield made(bill, covered, quantity, Decimal(0), text=text, discountable=False)
    if share:
        excess = line_key(environment, subscription, bill.charge, bill.start, EXCESS)
        yield made(bill, excess, Decimal(1), Decimal(share), text=f"{label} (above the minimum spend)")


def made(
    bill: Bill, key: str, quantity: Decimal, unit_amount: Decimal, *, text: str, discountable: bool = True
) -> UsageLine:
    """A line of a window, with its amount rounded half up."""
    return UsageLine(
        key=key,
        quantity=quantity,
        unit_amount=unit_amount,
        amount=money.round_minor(quantity * unit_amount),
        start=epoch(bill.start),
        end=epoch(bill.end),
        currency=bill.terms.currency,
        text=text,
        product=bill.terms.product,
        discountable=discountable,
    )


def bill_of(window: Window) -> Bill:
    """Return a window that was read, as lines bill it."""
    assert window.quantity is not None, "a window that was read"
    return Bill(window.id, window.charge, window.start, window.end, window.terms, window.quantity)


def meter_on(window: Window, invoice: Invoice) -> Meter | None:
    """Return the meter by which an invoice bills a window; None where lines of our own do."""
    meter = window.terms.meter
    if meter is None:
        return None
    here = metering.bills(invoice.stripe, window.measured.item, meter, window.start, window.end)
    return meter if here else None


def is_billed_by_meter(window: Window, invoice: Invoice, quantity: Decimal) -> bool:
    """Return whether the metered lines of an invoice bill exactly a quantity of a window."""
    terms = window.terms
    assert terms.meter is not None
    should = expected(terms.amounts(), terms.meter, quantity)
    return metering.is_as_expected(invoice.stripe, window.measured.item, should, terms.currency)


def rounding_of_meter(window: Window, invoice: Invoice) -> int:
    """Return the minor units by which Stripe rounded the metered lines of a window otherwise; 0 where they differ by more."""
    if window.quantity is None or not is_billed_by_meter(window, invoice, window.quantity):
        return 0
    amount = window.terms.amount(window.quantity)
    return metering.billed(invoice.stripe, window.measured.item)[1] - amount
