"""The renewal of an invoice, from the lines of its subscription's items (BILLING 7 and 8). Pure; Unix seconds, UTC.

The last renewal of a subscription, without an invoice, is ``billing_periods.renewed_at``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

CYCLE: Final = "subscription_cycle"
TOLERANCE: Final = 60  # seconds by which an invoice's period may differ from its lines' (SB 1.10)


def renewal_of(body: Mapping[str, Any]) -> int | None:
    """Return the time of the renewal of an invoice; None for any other invoice.

    Lines of licensed items begin at that time, lines of metered items end at it; ``created`` is seconds or minutes later. The
    billing reason is not enough: the last invoice of a cancellation also has ``subscription_cycle``, with prorations only
    (FACTS_A 32).
    """
    if body.get("billing_reason") != CYCLE:
        return None
    time = max((line["period"]["end" if is_over(line, body) else "start"] for line in item_lines(body)), default=None)
    return int(time) if time is not None and abs(time - body["period_end"]) <= TOLERANCE else None


def is_renewal(body: Mapping[str, Any]) -> bool:
    """Return whether an invoice is from a renewal."""
    return renewal_of(body) is not None


def item_lines(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the lines of a subscription's items, without prorations."""
    for line in (body.get("lines") or {}).get("data", ()):
        details = line["parent"].get("subscription_item_details")
        if details and not details["proration"]:
            yield line


def is_over(line: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Return whether a line's period was over when its invoice was created: metered usage, not a charge in advance."""
    return bool(line["period"]["end"] <= body["created"])
