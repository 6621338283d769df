"""Taxes of subscriptions and invoices: manual rates, and automatic tax that Stripe disabled (BILLING 3, 9; SB 3.4, 17.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from stripe_sync.core.money import shown
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription, UntaxedInvoice

MAX_LISTED = 10  # invoices in a message


def manual_rates(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the manual tax rates of a Stripe subscription or invoice; empty with automatic tax."""
    if (body.get("automatic_tax") or {}).get("enabled"):
        return ()
    return tuple(rate["id"] if isinstance(rate, Mapping) else rate for rate in body.get("default_tax_rates") or ())


def switched_off(held: StripeSubscription | None) -> str:
    """Return the message about a subscription whose automatic tax Stripe disabled, or an empty text."""
    if held is None or held.automatic_tax.enabled or held.automatic_tax.disabled_reason is None:
        return ""
    return (
        f"Stripe switched automatic tax off for {held.id} ({held.automatic_tax.disabled_reason}). "
        f"{invoices_without_tax(held.untaxed_invoices)} Correct the customer's address in Stripe, then approve switching tax on."
    )


def invoices_without_tax(untaxed: Sequence[UntaxedInvoice]) -> str:
    """Return a message with the invoices without tax and their totals, at most ten."""
    if not untaxed:
        return "No invoice went out without tax yet."
    named = ", ".join(f"{i.id} ({shown(Decimal(i.total), i.currency)})" for i in untaxed[:MAX_LISTED])
    more = f" and {len(untaxed) - MAX_LISTED} more" if len(untaxed) > MAX_LISTED else ""
    return f"Without tax: {named}{more}."
