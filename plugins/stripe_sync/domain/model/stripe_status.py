"""Stripe's statuses of invoices, subscriptions and checkout sessions.

Decoded objects keep the text that Stripe sent, so that a status that this version does not know is one object's matter.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


COLLECTIBLE: Final = (InvoiceStatus.DRAFT, InvoiceStatus.OPEN)  # neither paid nor given up


class SubscriptionStatus(StrEnum):
    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELED = "canceled"


class SessionStatus(StrEnum):
    """Status of a checkout session."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"
