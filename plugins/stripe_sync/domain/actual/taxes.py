"""Taxes of subscriptions and invoices: manual rates, and automatic tax that Stripe disabled (BILLING 3, 9; SB 3.4, 17.2)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from stripe_sync.core.money import shown
from stripe_sync.domain.model.stripe import Stripe
from stripe_sync.domain.model.stripe_subscriptions import AutomaticTax, ManualRate, StripeSubscription, UntaxedInvoice

MAX_LISTED = 10  # invoices in a message


class Taxed(Protocol):
    """A subscription or an invoice, as its taxes are read."""

    @property
    def automatic_tax(self) -> AutomaticTax | None: ...
    @property
    def default_tax_rates(self) -> Sequence[ManualRate | str] | None: ...


class TaxTerms(Stripe, frozen=True):
    """The taxes of any object that may have them."""

    automatic_tax: AutomaticTax | None = None
    default_tax_rates: list[ManualRate | str] | None = None


def manual_rates(taxed: Taxed) -> tuple[str, ...]:
    """Return the ids of the manual tax rates of a Stripe subscription or invoice; empty with automatic tax."""
    if taxed.automatic_tax is not None and taxed.automatic_tax.enabled:
        return ()
    return tuple(rate if isinstance(rate, str) else rate.id for rate in taxed.default_tax_rates or ())


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
