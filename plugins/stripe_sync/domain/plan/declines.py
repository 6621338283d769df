"""Retries of writes whose payment was declined (BILLING 6). Pure; times are UTC.

Card networks penalize repeated attempts. A declined write is repeated when the payment method or the target changed, or when
a person requests it; automatically only on certain days after the first refusal, and never after a hard decline or a demand
for authentication.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from stripe_sync.domain.model.stripe_status import COLLECTIBLE, InvoiceStatus
from stripe_sync.domain.plan.actions import Action


class DeclineKind(StrEnum):
    """DeclineKind of a decline: it may pass, needs another payment method, or needs the customer's confirmation."""

    SOFT = "soft"
    HARD = "hard"
    AUTHENTICATION = "authentication"


BACKOFF: Final = tuple(timedelta(days=days) for days in (1, 3, 5, 7))
# The declines after which Stripe's own retries stop.
HARD: Final = frozenset(
    {
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "stolen_card",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "highest_risk_level",
        "transaction_not_allowed",
    }
)
AUTHENTICATION: Final = frozenset(
    {
        "authentication_required",
        "subscription_payment_intent_requires_action",
        "invoice_payment_intent_requires_action",
        "payment_intent_action_required",
        "payment_intent_authentication_failure",
    }
)
# Parts of a write that change with time: a request that differs only in them is the same request.
TIMES: Final = frozenset({"billing_cycle_anchor", "anchor_config", "backdate_start_date"})
WAYS_OUT: Final[Mapping[DeclineKind, str]] = {
    DeclineKind.SOFT: "The customer can replace the payment method by the portal link (stripe-sync portal).",
    DeclineKind.HARD: "The customer has to replace the payment method, by the portal link (stripe-sync portal).",
    DeclineKind.AUTHENTICATION: "The customer has to confirm the payment, by the checkout or the portal link (stripe-sync portal).",
}


@dataclass(frozen=True)
class Decline:
    """The refusals of one write in a row.

    ``requested`` is the digest of the requested state, ``method`` the payment method that was to pay it; ``invoice`` is the id of an
    invoice that the refused call left, "" where it left none; ``is_freed`` says that a person requested another attempt.
    """

    kind: DeclineKind
    requested: str
    method: str
    first_at: datetime
    last_at: datetime
    refusals: int = 1
    invoice: str = ""
    is_freed: bool = False
    detail: str = ""


def classify(code: str) -> DeclineKind:
    """Return what kind of refusal Stripe's decline code, or its error code where it gives none, stands for."""
    if code in HARD:
        return DeclineKind.HARD
    return DeclineKind.AUTHENTICATION if code in AUTHENTICATION else DeclineKind.SOFT


def may_charge(action: Action) -> bool:
    """Return whether a write may take money within its call: exactly those say how a refused payment is treated."""
    return action.after.get("payment_behavior") is not None


def request_digest(action: Action) -> str:
    """Return 16 hex digits of the state that an action requests, without the fields that change with time."""
    content = [action.kind, {name: value for name, value in action.after.items() if name not in TIMES}]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def refused(earlier: Decline | None, action: Action, *, code: str, detail: str, now: datetime) -> Decline:
    """Return the decline after one more refusal; another request or another payment method begins to count again."""
    kind, requested = classify(code), request_digest(action)
    if earlier is None or (earlier.requested, earlier.method) != (requested, action.paid_by):
        return Decline(kind, requested, action.paid_by, now, now, detail=detail)
    return Decline(kind, requested, action.paid_by, earlier.first_at, now, earlier.refusals + 1, detail=detail)


def next_attempt(decline: Decline) -> datetime | None:
    """Return the moment from which the write is repeated by itself, UTC; None where it never is."""
    if decline.kind != DeclineKind.SOFT:
        return None
    times = (decline.first_at + wait for wait in BACKOFF)
    return next((moment for moment in times if moment > decline.last_at), None)


def may_repeat(decline: Decline, action: Action, now: datetime) -> bool:
    """Return whether a declined write may be made again at a moment."""
    if decline.is_freed or (decline.requested, decline.method) != (request_digest(action), action.paid_by):
        return True
    moment = next_attempt(decline)
    return moment is not None and moment <= now


def blocks(decline: Decline, status: str) -> bool:
    """Return whether the invoice that a refused call left forbids another attempt, by its status.

    An open one may still be paid, and a paid one was: another attempt requires ``retry``.
    """
    return status in COLLECTIBLE or (status == InvoiceStatus.PAID and not decline.is_freed)


def waiting_message(decline: Decline) -> str:
    """Return what the row of a declined write says: the refusal, the customer's way out, and when it is tried again."""
    moment = next_attempt(decline)
    again = (
        f"It is retried after {moment:%Y-%m-%d %H:%M} UTC, "
        if moment is not None
        else "It is not tried again by itself, "
    )
    return f"{decline.detail} {WAYS_OUT[decline.kind]} {again}with another payment method, or after retry."


def left_open(decline: Decline, status: str, *, is_collected: bool) -> str:
    """Return what the row says while an invoice of the refused call stands in the way; ``is_collected``: by Stripe."""
    how = (
        "is still collected by Stripe"
        if status == InvoiceStatus.OPEN and is_collected
        else "collects by itself no more"
    )
    out = (
        "void it, or collect it and change the subscription by hand"
        if status != InvoiceStatus.PAID
        else "it was paid meanwhile"
    )
    return (
        f"{decline.detail} The call left the invoice {decline.invoice}, which is {status} and {how}; "
        f"{out}, then retry. Nothing is repeated before that."
    )
