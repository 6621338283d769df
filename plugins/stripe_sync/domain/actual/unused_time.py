"""Unused paid time after an end (BILLING 7, ``stripe.end_proration``): a share of the debited amounts. Pure; Unix seconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

from stripe_sync.domain.actual.endings import MINUTE
from stripe_sync.domain.actual.pending_items import Pending, settle
from stripe_sync.domain.model.stripe_invoices import InvoiceLine, StripeInvoice

DEBITED = ("paid", "open")


@dataclass(frozen=True)
class Unused:
    """An amount in minor units, before tax; ``invoice`` is the one with the largest part of it."""

    amount: int
    currency: str
    invoice: str


def unused(invoices: Iterable[StripeInvoice], end: int) -> Unused | None:
    """Return the amount that finalized invoices debited for time after an end, or None if it is zero.

    Invoices have all their lines. Counted are lines of the subscription's items whose period contains the end, with
    prorations, net of discounts. A period that ends within a minute of the end counts as used.
    """
    shares: dict[str, Fraction] = {}
    currency = ""
    for invoice in invoices:
        if invoice.status in DEBITED:
            shares[invoice.id] = sum((share(line, end) for line in invoice.lines.data), Fraction(0))
            currency = invoice.currency
    amount = floor(sum(shares.values(), Fraction(0)))
    return Unused(amount, currency, max(shares, key=lambda id: shares[id])) if amount > 0 else None


def unused_pending(items: Iterable[Pending], end: int) -> list[dict[str, Any]]:
    """Return the billed part of pending items for time after an end: items, currency, amount in minor units."""
    parts = []
    by_id = {item.id: item for item in items}
    for net in settle(by_id.values()).billed:
        amount = floor(sum((part_after(by_id[id], end) for id in net.items), Fraction(0)))
        if amount > 0:
            parts.append({"items": list(net.items), "currency": net.currency, "amount": amount})
    return parts


def part_after(item: Pending, end: int) -> Fraction:
    """Return the part of a pending item's amount that is for time after an end; minor units, unrounded."""
    if end >= item.end - MINUTE or item.end <= item.start:
        return Fraction(0)
    return Fraction(item.amount * (item.end - max(item.start, end)), item.end - item.start)


def share(line: InvoiceLine, end: int) -> Fraction:
    """Return the part of a line's amount that is for time after an end; minor units, unrounded."""
    start, stop = line.period.start, line.period.end
    if not start <= end < stop - MINUTE or not is_of_item(line):
        return Fraction(0)
    net = line.amount - sum(part.amount for part in line.discount_amounts or ())
    return Fraction(net * (stop - end), stop - start)


def is_of_item(line: InvoiceLine) -> bool:
    """Return whether a line is of a subscription's item: its period, or a proration of it."""
    item = line.origin.invoice_item_details
    return line.origin.subscription_item_details is not None or (item is not None and item.proration)
