"""Metered lines of a window on an invoice, and the period of its summary request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from stripe_sync.core import money
from stripe_sync.core.clock import epoch
from stripe_sync.domain.actual.renewals import is_over, item_lines
from stripe_sync.domain.model.meter_units import Meter

MINUTE = 60


def lines_of(body: Mapping[str, Any], item: str) -> Iterator[dict[str, Any]]:
    """The lines of an invoice that bill what a meter counted, of one item of its subscription: for time that is over."""
    for line in item_lines(body):
        if line["parent"]["subscription_item_details"]["subscription_item"] == item and is_over(line, body):
            yield line


def price_of(line: Mapping[str, Any]) -> str | None:
    found = ((line.get("pricing") or {}).get("price_details") or {}).get("price")
    return str(found) if found else None


def bills(body: Mapping[str, Any], item: str, meter: Meter, start: datetime, end: datetime) -> bool:
    """Return whether an invoice bills a window by its meter: it has lines of the item at this price for the window's time."""
    return any(
        price_of(line) == meter.price
        and line["period"]["start"] <= epoch(start)
        and epoch(end) <= line["period"]["end"]
        for line in lines_of(body, item)
    )


def billed(body: Mapping[str, Any], item: str) -> tuple[Decimal, int]:
    """(units, minor units) that an invoice bills of an item by its meter; flat fees have no units."""
    lines = list(lines_of(body, item))
    units = sum((Decimal(str(line.get("quantity_decimal") or line.get("quantity") or 0)) for line in lines), Decimal(0))
    return units, sum(int(line["amount"]) for line in lines)


def is_as_expected(body: Mapping[str, Any], item: str, expected: tuple[Decimal, int], currency: str) -> bool:
    """Return whether an invoice bills an item by its meter as expected (units, minor units), within line rounding."""
    units, amount = billed(body, item)
    count = max(1, len(list(lines_of(body, item))))
    return units == expected[0] and money.is_rounding(amount - expected[1], currency, lines=count)


def summary_bounds(start: datetime, end: datetime) -> tuple[int, int]:
    """Return the period of a window's summary, in whole minutes; its events lie a second before its end."""
    return -(-epoch(start) // MINUTE) * MINUTE, -(-epoch(end) // MINUTE) * MINUTE
