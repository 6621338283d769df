"""Bank debits: whether the invoice of a write that charges is being paid by one after the call (BILLING 6)."""

from __future__ import annotations

from typing import Any

from stripe_sync.clients.stripe.answers import Found
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import EXPANDED
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.errors import StripeSyncError
from stripe_sync.domain.actual.payment_processing import unpaid
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.plan.declines import may_charge

Row = dict[str, Any]
LATEST = "latest_invoice"
UNREAD = "A bank debit pays it, which succeeds or fails within days; its invoice could not be read."


def expanded_parts(action: Action) -> list[str]:
    """Return the ``expand`` parameter of a subscription's write; if it may charge, its invoice is included."""
    return [*EXPANDED["subscription"], *([LATEST] if may_charge(action) else ())]


def latest_invoice(held: Found) -> StripeInvoice | None:
    """Return the latest invoice of an answer that contains it (``expanded_parts``); None otherwise."""
    shown = held.object.get(LATEST)
    return from_stripe(shown, StripeInvoice) if isinstance(shown, dict) else None


def debit_of(api: StripeApi, action: Action, held: Row) -> tuple[Row, Row | None, str]:
    """Return (the subscription in the form of a list, the invoice of a pending debit, its message).

    ``held`` is the subscription after the call; its invoice is read if the answer does not contain it. Without a pending debit
    the invoice is None and the message empty. An invoice that cannot be read counts as pending: the next run sees it.
    """
    shown = held.get(LATEST)
    if not may_charge(action) or not shown:
        return held, None, ""
    held = held | {LATEST: shown["id"]} if isinstance(shown, dict) else held
    try:
        invoice = shown if isinstance(shown, dict) else api.find(f"/v1/invoices/{shown}")
    except StripeSyncError:
        return held, None, UNREAD
    if invoice is None:
        return held, None, ""
    is_delayed = action.after["payment_behavior"] == "allow_incomplete"
    found = unpaid(from_stripe(held, StripeSubscription), [from_stripe(invoice, StripeInvoice)], is_delayed=is_delayed)
    return (held, invoice, found.sentence) if found is not None else (held, None, "")
