"""Changes of the interval at which a subscription is billed (BILLING 6). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from stripe_sync.domain.drift.amounts import PriceBook

INTERVAL: Final = "interval"  # waits for the answer to interval_change
INTERVAL_USAGE: Final = "interval_usage"  # waits for a person always
# One update with the new price whose periods begin at once, and an invoice for it. Stripe refuses a proration_date beside it.
BEGINS_NOW: Final[Mapping[str, str | dict[str, str]]] = {
    "billing_cycle_anchor": {"type": "now"},
    "proration_behavior": "always_invoice",
}


def changes_interval(book: PriceBook, old: Iterable[Mapping[str, str]], new: Iterable[Mapping[str, str]]) -> bool:
    """Return whether items that cost something are billed at other intervals than before.

    What is counted has a price of 0 that only anchors its item, and decides nothing here.
    """
    was, now = interval_months(book, old), interval_months(book, new)
    return bool(was and now) and was != now


def interval_months(book: PriceBook, items: Iterable[Mapping[str, str]]) -> set[int]:
    """Return the intervals, in months, at which items cost something."""
    return {rate.months for rate, quantity in book.known(items) if rate.months and any(rate.parts(quantity))}


def interval_cause(facts: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the cause of a change of interval, from the facts about the items that Stripe has: usage has periods to be cut."""
    counts = any(fact["metered"] or fact["usage"] for fact in facts.values())
    return INTERVAL_USAGE if counts else INTERVAL
