"""Previews by Stripe of the amounts that creations and changes invoice at once (BILLING 6).

The plan has them, and each is requested again right before its write: another party may have added an item meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from msgspec import UNSET

from stripe_sync.apply.resource import Call
from stripe_sync.apply.resources import subscription
from stripe_sync.clients.stripe.client import Total
from stripe_sync.clients.stripe.parameters.subscriptions import (
    InvoicePreview,
    NewSubscription,
    PreviewAnchor,
    PreviewDetails,
    SubscriptionChange,
)
from stripe_sync.core.money import Amounts, shown_all
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.due_amounts import changed_message, has_changed, invoices_at_once, is_above


@dataclass(frozen=True)
class Previewed:
    """The amounts of a preview (minor units), the subscription's latest invoice then, and the time (``time.monotonic``)."""

    amounts: Amounts
    latest: str | None
    at: float


@dataclass(frozen=True)
class ExpectedAmounts:
    """Amounts that the writes of a run may invoice at once, minor units: those of an approval, or else those of the plan.

    ``approved`` has amounts by the hash of an action, None in a run that applies no approval. ``age`` is the number of
    seconds since the amounts were computed, when the run began to write.
    """

    approved: Mapping[str, Amounts] | None = None
    age: float = 0.0
    started: float = field(default_factory=time.monotonic)
    previews: dict[str, Previewed] = field(default_factory=dict)  # by the hash of an action, as the run writes it

    def reason(self, call: Call) -> str:
        """Return why a write waits for another plan; empty where Stripe would invoice what is expected.

        Raises EntityError where Stripe refuses the preview, Transient where it gives no answer.
        """
        action = call.action
        if not invoices_at_once(action):
            return ""
        current, latest = current_parts(call)
        found = preview(call, current)
        now = {found.currency: found.amount}
        self.previews[action.hash] = Previewed(now, latest, time.monotonic())
        seconds = self.age + time.monotonic() - self.started
        if self.approved is not None:
            expected = self.approved.get(action.hash, {})
            return (
                changed_message(expected, now, was="approved")
                if has_changed(action, expected, now, seconds=seconds)
                else ""
            )
        if action.is_previewed:
            is_changed = has_changed(action, action.due_now, now, seconds=seconds)
        else:
            is_changed = is_above(action, {found.currency: found.untaxed}, seconds=seconds)
        return changed_message(action.due_now, now, was="planned") if is_changed else ""

    def differences(self, action: Action, invoice: StripeInvoice | None) -> tuple[str, ...]:
        """Return in which amount the latest invoice after a write differs from the preview right before it.

        Nothing where the write made no invoice, or was not previewed.
        """
        before = self.previews.get(action.hash)
        if before is None or invoice is None or invoice.id == before.latest:
            return ()
        total = {invoice.currency: Decimal(invoice.total)}
        if not has_changed(action, before.amounts, total, seconds=time.monotonic() - before.at):
            return ()
        return (f"the total of {invoice.id} ({shown_all(total)}; previewed: {shown_all(before.amounts)})",)


def current_parts(call: Call) -> tuple[subscription.CurrentParts, str | None]:
    """Return the current parts of a subscription that a change is sent with, and its latest invoice; none for a creation."""
    if call.action.kind == ActionKind.SUBSCRIPTION_CREATE:
        return subscription.CurrentParts(), None
    held = subscription.SUBSCRIPTION.read(call)
    return subscription.current_parts(subscription.own_parts(call, held)), held.object.get("latest_invoice")


def preview(call: Call, current: subscription.CurrentParts) -> Total:
    """Return the total that a write invoices at once. Raises EntityError, also for an object that was not created yet."""
    if call.action.kind == ActionKind.SUBSCRIPTION_CREATE:
        return call.api.preview(of_creation(subscription.creation(call)))
    return call.api.preview(of_change(call.id, subscription.changes(call, current)))


def of_creation(params: NewSubscription) -> InvoicePreview:
    """Return the preview of a creation with these parameters: its anchor is an object, its one-off items are of the invoice."""
    anchor = params.billing_cycle_anchor
    details = PreviewDetails(
        items=params.items,
        billing_mode=params.billing_mode,
        proration_behavior=params.proration_behavior,
        cancel_at=params.cancel_at,
        billing_cycle_anchor=UNSET if anchor is UNSET else PreviewAnchor(timestamp=anchor),
        start_date=params.backdate_start_date,
    )
    return InvoicePreview(
        customer=params.customer,
        subscription_details=details,
        discounts=params.discounts,
        automatic_tax=params.automatic_tax,
        invoice_items=params.add_invoice_items,
    )


def of_change(id: str, params: SubscriptionChange) -> InvoicePreview:
    """Return the preview of a change of items with these parameters."""
    details = PreviewDetails(
        items=params.items,
        billing_cycle_anchor=params.billing_cycle_anchor,
        proration_behavior=params.proration_behavior,
        proration_date=params.proration_date,
    )
    return InvoicePreview(subscription=id, subscription_details=details)
