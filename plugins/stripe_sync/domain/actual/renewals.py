"""The renewal that made an invoice, read from the lines of its subscription's items (BILLING 7 and 8). Pure; Unix seconds, UTC.

The last renewal of a subscription, without an invoice, is ``billing_periods.renewed_at``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

CYCLE: Final = "subscription_cycle"
DRIFT: Final = 60  # seconds by which an invoice's period may differ from its lines' (SB 1.10)


def renewal_of(body: Mapping[str, Any]) -> int | None:
    """Return the moment of the renewal that made an invoice; None for any other invoice.

    A licensed item's line begins there, a metered one's ends there, so an invoice of meter lines alone has the same moment
    as one that sells a period: not its ``created``, which is seconds or minutes later. The reason alone does not say that
    it is a renewal: the last invoice of a cancellation is of ``subscription_cycle`` as well and has prorations only
    (FACTS_A 32).
    """
    if body.get("billing_reason") != CYCLE:
        return None
    moment = max((line["period"]["end" if is_over(line, body) else "start"] for line in item_lines(body)), default=None)
    return int(moment) if moment is not None and abs(moment - body["period_end"]) <= DRIFT else None


def is_renewal(body: Mapping[str, Any]) -> bool:
    """Return whether an invoice was made by a renewal: it closes the period that its items' lines end or begin at."""
    return renewal_of(body) is not None


def item_lines(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the lines of a subscription's own items, without prorations."""
    for line in (body.get("lines") or {}).get("data", ()):
        details = line["parent"].get("subscription_item_details")
        if details and not details["proration"]:
            yield line


def is_over(line: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Return whether a line is for time that was over when its invoice was made: what a meter counted, not what is in advance."""
    return bool(line["period"]["end"] <= body["created"])
