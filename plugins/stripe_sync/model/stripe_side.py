"""Stripe's objects: the fields that this pipeline owns or that tell it what it may do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from stripe_sync.errors import RowFailed
from stripe_sync.money import plain

Row = dict[str, Any]


class Stripe(msgspec.Struct, frozen=True):
    """Base of all: snake case on the wire, unknown fields ignored."""


class StripeProduct(Stripe, frozen=True):
    id: str
    name: str = ""
    active: bool = True
    default_price: str | None = None
    metadata: dict[str, str] = {}
    deleted: bool = False


class Recurring(Stripe, frozen=True):
    interval: str
    interval_count: int = 1
    usage_type: str = "licensed"


class StripePrice(Stripe, frozen=True):
    """``unit_amount_decimal`` is in minor units; null where tiered."""

    id: str
    product: str
    currency: str
    active: bool
    billing_scheme: str = "per_unit"
    unit_amount_decimal: Decimal | None = None
    lookup_key: str | None = None
    recurring: Recurring | None = None
    metadata: dict[str, str] = {}

    def content(self) -> dict[str, Any]:
        """What a price is for ever: the part that its hash covers."""
        rhythm = self.recurring
        return {
            "currency": self.currency,
            "unit_amount": plain(self.unit_amount_decimal) if self.unit_amount_decimal is not None else None,
            "interval": rhythm.interval if rhythm else None,
            "interval_count": str(rhythm.interval_count) if rhythm else None,
            "usage_type": rhythm.usage_type if rhythm else None,
            "billing_scheme": self.billing_scheme,
        }


class InvoiceSettings(Stripe, frozen=True):
    default_payment_method: str | None = None


class StripeCustomer(Stripe, frozen=True):
    id: str
    name: str | None = None
    email: str | None = None
    description: str | None = None
    metadata: dict[str, str] = {}
    invoice_settings: InvoiceSettings | None = None
    default_source: str | None = None
    currency: str | None = None
    address: dict[str, Any] | None = None
    deleted: bool = False

    def can_be_charged(self) -> bool:
        """Whether a default payment method is known in Stripe."""
        method = self.invoice_settings.default_payment_method if self.invoice_settings else None
        return not self.deleted and (method or self.default_source) is not None


class ItemPrice(Stripe, frozen=True):
    id: str
    currency: str
    unit_amount_decimal: Decimal | None = None


class StripeItem(Stripe, frozen=True):
    id: str
    price: ItemPrice
    quantity: int | None = None
    current_period_start: int = 0
    current_period_end: int = 0


class ItemList(Stripe, frozen=True):
    data: list[StripeItem]
    has_more: bool = False


class StripeSubscription(Stripe, frozen=True):
    id: str
    customer: str
    status: str
    items: ItemList
    collection_method: str
    currency: str
    metadata: dict[str, str] = {}
    days_until_due: int | None = None
    schedule: str | None = None
    pause_collection: dict[str, Any] | None = None
    cancel_at_period_end: bool = False


Object = TypeVar("Object", bound=Stripe)


def decode(row: Row, kind: type[Object]) -> Object:
    """A row as an object. Raises RowFailed ``UNKNOWN_SHAPE``, naming the field and not its value."""
    try:
        return msgspec.convert(row, kind, strict=False)
    except msgspec.ValidationError as error:
        raise RowFailed("UNKNOWN_SHAPE", f"Stripe's answer is not understood: {error}") from None
