"""Month audit: charges in advance of renewal invoices, expected and invoiced.

The expected items are the targets of the last comparison before the renewal. Where it was deleted, nothing is reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from stripe_sync.core.money import round_minor
from stripe_sync.domain.actual.renewals import is_over, is_renewal, item_lines
from stripe_sync.domain.model import tariffs
from stripe_sync.domain.model.price_content import PriceContent, decode
from stripe_sync.domain.model.stripe_invoices import InvoiceLine, StripeInvoice
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import run_sql
from stripe_sync.warehouse.json_text import dumps

YEARLY_PERIOD = 200 * 86_400  # seconds; a longer period is a year


@dataclass(frozen=True)
class TargetItem:
    """An item of a subscription's target: its price, None where it is no longer known, and its quantity."""

    content: PriceContent | None
    quantity: Decimal


def in_advance(connection: Connection, environment: str, invoices: Iterable[Invoice]) -> dict[str, tuple[int, int]]:
    """Return (expected, invoiced) of each renewal's items by invoice, in minor units before discounts and tax."""
    renewals = {i.invoice: i for i in invoices if is_renewal(i.stripe) and i.status != InvoiceStatus.VOID}
    prices = {price for i in renewals.values() for line in item_lines(i.stripe) if (price := line.price())}
    ids = {i.subscription for i in renewals.values()} | prices
    known = {id: key for key, id in links.of_ids(connection, environment, ids).items()}
    renewal_keys = [
        {"invoice": id, "key": known[i.subscription], "at": f"{i.created_at:%Y-%m-%dT%H:%M:%SZ}"}
        for id, i in renewals.items()
        if i.subscription in known
    ]
    targets: dict[str, list[TargetItem]] = defaultdict(list)
    for row in run_sql(connection, "audit/in_advance", environment=environment, requests=dumps(renewal_keys)):
        content = decode(row["content"]) if row["content"] else None
        targets[row["invoice"]].append(TargetItem(content, Decimal(row["quantity"])))
    found = {}
    for id, rows in targets.items():
        lines = renewed(renewals[id].stripe, known)
        expected = expected_of(rows, {interval(line) for line in lines})
        if expected is not None:
            found[id] = (expected, sum(line.amount for line in lines))
    return found


def renewed(invoice: StripeInvoice, known: Mapping[str, str]) -> list[InvoiceLine]:
    """Return the lines of our items for the period that begins."""
    return [line for line in item_lines(invoice) if not is_over(line, invoice) and line.price() in known]


def interval(line: InvoiceLine) -> str:
    """Return the interval of a line's period: ``month`` or ``year``."""
    return "year" if line.period.end - line.period.start > YEARLY_PERIOD else "month"


def expected_of(items: Sequence[TargetItem], intervals: set[str]) -> int | None:
    """Return the cost of items for one period, each part rounded like a line; None where a price is no longer known.

    If a subscription has several billing intervals, only items of the given intervals count.
    """
    total = 0
    several = len({item.content.interval for item in items if item.content}) > 1
    for item in items:
        content = item.content
        if content is None:
            return None
        if content.is_metered or (several and content.interval not in intervals):
            continue
        tariff = tariffs.of_content(content)
        if tariff is None:
            return None
        total += sum(round_minor(part) for part in tariff.parts(item.quantity))
    return total
