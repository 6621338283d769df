"""Amounts that a write invoices at once: the amount that was planned or approved, against Stripe's preview right before it.

Pure. An approval names actions by hashes, which have no amounts; so each amount is compared again (BILLING 6).
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from stripe_sync.core.money import Amounts, shown_all
from stripe_sync.domain.plan.actions import Action, ActionKind

SHORTEST_MONTH = 28 * 86_400  # seconds


def invoices_at_once(action: Action) -> bool:
    """Return whether a write makes an invoice with an amount that Stripe can preview."""
    if action.kind == ActionKind.SUBSCRIPTION_CREATE:
        return bool(action.due_now)
    return action.kind == ActionKind.SUBSCRIPTION_UPDATE and action.after.get("proration_behavior") == "always_invoice"


def tolerance(action: Action, currency: str, seconds: float) -> Decimal:
    """Return by how much an amount may have changed in some seconds, minor units.

    A creation, and a change with its own moment, cost the same at any time. Other changes prorate until now.
    """
    if action.kind == ActionKind.SUBSCRIPTION_CREATE or "proration_date" in action.after:
        return Decimal(0)
    monthly = abs(action.per_month.get(currency, Decimal(0)))
    share = monthly * Decimal(max(seconds, 0)) / SHORTEST_MONTH
    return share.to_integral_value(rounding=ROUND_CEILING)


def has_changed(action: Action, expected: Amounts, now: Amounts, *, seconds: float) -> bool:
    """Return whether the amounts of a preview are others than expected ``seconds`` ago; amounts are minor units."""
    nothing = Decimal(0)
    return any(
        abs(now.get(currency, nothing) - expected.get(currency, nothing)) > tolerance(action, currency, seconds)
        for currency in {*expected, *now}
    )


def is_above(action: Action, untaxed: Amounts, *, seconds: float) -> bool:
    """Return whether a preview without tax is above a planned amount that Stripe has not previewed.

    The planned amount is a whole period at list prices, so that a shorter period and discounts are below it.
    """
    return any(
        amount - action.due_now.get(currency, Decimal(0)) > tolerance(action, currency, seconds)
        for currency, amount in untaxed.items()
    )


def changed_message(expected: Amounts, now: Amounts, *, was: str) -> str:
    """Return the message of a write that waits because its amount changed. ``was`` is ``planned`` or ``approved``."""
    return f"Stripe would invoice {shown_all(now)} now, and {shown_all(expected)} were {was}. It is planned again."
