"""The quantity of a window, from Stigg's running values between resets (reference: Stigg gives no total).

A report at the window's start is inside, one at its end is not. What the value at a reset point means is not known for
certain: the one after it, or the last one before (docs/unknowns.md); both are supported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal

import msgspec

from stripe_sync.core.errors import UnknownShape
from stripe_sync.core.money import LARGEST_AMOUNT, plain, shown
from stripe_sync.domain.usage.terms import Aggregation, Terms

ZERO = Decimal(0)
STRIPE_PRECISION = Decimal("1e-12")  # the decimals that Stripe takes
MAX_DIGITS = 15  # before the decimal point
EXACT = Context(prec=100)


@dataclass(frozen=True)
class Point:
    """A running value at a moment, UTC."""

    at: datetime
    value: Decimal
    reset: bool = False


class StiggPoint(msgspec.Struct, frozen=True, rename="camel"):
    """One point in Stigg's usage history."""

    timestamp: str
    value: Decimal
    is_reset_point: bool | None = None


def points_of(points: Iterable[StiggPoint]) -> list[Point]:
    """Return Stigg's points in order of time."""
    found = [Point(datetime.fromisoformat(p.timestamp), p.value, bool(p.is_reset_point)) for p in points]
    return sorted(found, key=lambda p: p.at)


def quantity(
    points: Sequence[Point], start: datetime, end: datetime, aggregation: Aggregation, *, reset_is_after: bool
) -> Decimal:
    """Return the usage in [start, end)."""
    before = [p for p in points if p.at < start]
    inside = [p for p in points if start <= p.at < end]
    if aggregation == "sum":
        return used(base(before, reset_is_after=reset_is_after), inside, reset_is_after=reset_is_after)
    level = base(before, reset_is_after=reset_is_after)
    if aggregation == "last":
        return inside[-1].value if inside else level
    if aggregation == "max":
        return max([level, *(p.value for p in inside)])
    return average(level, inside, start, end)


def billable(counted: Decimal) -> Decimal:
    """Round a quantity, half up, to the decimals that Stripe takes."""
    rounded = counted.quantize(STRIPE_PRECISION, rounding=ROUND_HALF_UP, context=EXACT)
    return counted if counted == rounded else rounded


def remainder(counted: Decimal) -> Decimal:
    """Return what rounding leaves of a quantity; negative where it was rounded up."""
    return EXACT.subtract(counted, billable(counted))


def checked(counted: Decimal, terms: Terms, about: str) -> Decimal:
    """Return a quantity that can be billed. Raises UnknownShape for one below zero, or larger than Stripe carries (BILLING 8)."""
    if counted < 0:
        raise UnknownShape(
            f"Stigg's values of {about} count to {plain(counted)}: correct them in Stigg, or set usage.reset_semantics as "
            "stripe-sync probe answers it."
        )
    if counted.adjusted() >= MAX_DIGITS:
        raise UnknownShape(
            f"Stigg's values of {about} count to {counted:.2e}, more than the {MAX_DIGITS} digits that Stripe carries: correct them "
            "in Stigg."
        )
    if (amount := terms.amount(billable(counted))) > LARGEST_AMOUNT:
        raise UnknownShape(
            f"Stigg's values of {about} count to {plain(counted)}, and {shown(Decimal(amount), terms.currency)} are more than "
            "Stripe carries: correct them in Stigg."
        )
    return counted


def base(before: Sequence[Point], *, reset_is_after: bool) -> Decimal:
    """The running value when the window begins."""
    if not before:
        return ZERO
    last = before[-1]
    return ZERO if last.reset and not reset_is_after else last.value


def used(running: Decimal, inside: Iterable[Point], *, reset_is_after: bool) -> Decimal:
    """The sum of what was added between resets."""
    total, begun = ZERO, running
    for point in inside:
        if not point.reset:
            running = point.value
            continue
        ended = running if reset_is_after else point.value
        total += ended - begun
        begun, running = ZERO, point.value if reset_is_after else ZERO
    return total + running - begun


def average(level: Decimal, inside: Iterable[Point], start: datetime, end: datetime) -> Decimal:
    """The mean over time."""
    weighted, since = ZERO, start
    for point in inside:
        weighted += level * Decimal((point.at - since).total_seconds())
        level, since = point.value, point.at
    weighted += level * Decimal((end - since).total_seconds())
    return weighted / Decimal((end - start).total_seconds())
