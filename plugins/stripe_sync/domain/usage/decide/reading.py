"""Readings of Stigg: the windows that are read, in their order, and the movement that a quantity makes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from stripe_sync.core.errors import UnknownShape
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide.assignment import assign
from stripe_sync.domain.usage.ledger import Balance, Movement, UsageState
from stripe_sync.domain.usage.quantities import Point, billable, remainder
from stripe_sync.domain.usage.terms import Aggregation
from stripe_sync.domain.usage.windows import Window

DISTANT_FUTURE = timedelta(days=3650)  # a window without a deadline is read after all others


@dataclass(frozen=True)
class UsageReading:
    """Stigg's quantity of a window, or the reason why there is none (``detail``)."""

    window: Window
    quantity: Decimal | None = None
    detail: str = ""


def windows_to_read(
    windows: Iterable[Window], invoices: Iterable[Invoice], *, blocked: Collection[str], now: datetime, soon: timedelta
) -> list[Window]:
    """Return the windows to read, first those whose draft is finalized first.

    A window that was never read is; one that waits for its draft, once that is there; one that is proven, once more within
    ``soon`` before finalization. None of subscriptions that cannot be counted (``blocked``).
    """
    countable = [window for window in windows if window.subscription not in blocked]
    assigned = assign(countable, invoices)
    chosen: list[tuple[datetime, Window]] = []
    for window in countable:
        invoice = assigned.get(window.id)
        deadline = (
            invoice.finalizes_at if invoice is not None and invoice.finalizes_at is not None else now + DISTANT_FUTURE
        )
        if _is_read(window, invoice, last_chance=deadline - soon, now=now):
            chosen.append((deadline, window))
    return [window for _, window in sorted(chosen, key=lambda pair: (pair[0], pair[1].end, pair[1].id))]


def _is_read(window: Window, invoice: Invoice | None, *, last_chance: datetime, now: datetime) -> bool:
    if window.read_at is None:
        return True
    is_on_draft = invoice is not None and invoice.status == InvoiceStatus.DRAFT
    is_last_reading = window.read_at < last_chance <= now
    return is_on_draft and (window.state is not UsageState.VERIFIED or is_last_reading)


def is_start_unknown(
    points: Sequence[Point], start: datetime, aggregation: Aggregation, *, reset_is_after: bool
) -> bool:
    """Return whether a window's quantity depends on the value at its start, and no point shows it.

    ``points`` are in order of time. A sum depends on it if it adds to it, a level until it is set again (BILLING 8).
    """
    first = points[0] if points else None
    if first is not None and first.at < start:
        return False
    if aggregation == "sum":
        return first is not None and not (first.reset and reset_is_after)
    if aggregation == "last":
        return first is None
    return first is None or first.at > start


def checked_history(points: Sequence[Point], window: Window, *, was_used_before: bool) -> Sequence[Point]:
    """Return the complete history of a window's feature.

    Raises UnknownShape where it shows no value before the window although earlier windows of the charge were counted.
    """
    if not was_used_before or any(point.at < window.start for point in points):
        return points
    measured = window.measured
    raise UnknownShape(
        f"USAGE_UNKNOWN: Stigg shows no value of {measured.feature} of {measured.subscription} before "
        f"{window.start:%Y-%m-%d %H:%M} UTC, and earlier periods of it were counted; see why Stigg's history is shorter now."
    )


def decide_reading(window: Window, quantity: Decimal) -> list[Movement]:
    """Return the movements of what a reading adds to the one before, with what that costs; none where it adds nothing.

    A quantity is billed with at most 12 decimals; the remainder is ``rounded``, so that the ledger has Stigg's exactly.
    """
    before, billed = window.quantity if window.state is not UsageState.REPORTED else None, billable(quantity)
    rest = remainder(quantity) - window.balance(UsageState.ROUNDED).quantity
    movements = [_reported(window, UsageState.ROUNDED, Balance(rest))] if rest else []
    if before is None or before != billed:
        amount = window.terms.amount(billed) - (window.terms.amount(before) if before is not None else 0)
        added = Balance(billed - (before or Decimal(0)), Decimal(amount))
        movements.append(_reported(window, UsageState.PENDING, added))
    return movements


def _reported(window: Window, target: UsageState, balance: Balance) -> Movement:
    return Movement(
        window=window.id, source=UsageState.REPORTED, target=target, balance=balance, invoice=window.invoice
    )


def failures(readings: Iterable[UsageReading]) -> list[str]:
    """Return a sentence on each window that could not be read."""
    return [f"{r.window.measured.subscription}: {r.detail}" for r in readings if r.quantity is None]
