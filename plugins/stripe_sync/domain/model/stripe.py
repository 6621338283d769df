"""Stripe's catalog and customers: the fields that this pipeline owns or that tell it what it may do."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from stripe_sync.domain.model.price_content import (
    ZERO,
    PerUnit,
    PriceContent,
    Recurrence,
    Rounding,
    Scheme,
    Tier,
    Tiered,
    TiersMode,
    TransformQuantity,
    UsageType,
)


class Stripe(msgspec.Struct, frozen=True):
    """Base of all: snake case on the wire, unknown fields ignored."""


class StripeProduct(Stripe, frozen=True):
    id: str
    name: str = ""
    active: bool = True
    default_price: str | None = None
    tax_code: str | None = None
    metadata: dict[str, str] = {}
    created: int = 0
    deleted: bool = False


class Recurring(Stripe, frozen=True):
    interval: str
    interval_count: int = 1
    usage_type: UsageType = UsageType.LICENSED
    meter: str | None = None

    def content(self) -> Recurrence:
        return Recurrence(
            interval=self.interval, count=self.interval_count, usage_type=self.usage_type, meter=self.meter
        )


class StripeTier(Stripe, frozen=True):
    """Minor units; the last tier has no ``up_to``."""

    up_to: int | None = None
    unit_amount_decimal: Decimal | None = None
    flat_amount_decimal: Decimal | None = None

    def content(self) -> Tier:
        return Tier(
            up_to=self.up_to,
            unit_amount=self.unit_amount_decimal or ZERO,
            flat_amount=self.flat_amount_decimal or ZERO,
        )


class StripePackages(Stripe, frozen=True):
    """Stripe's ``transform_quantity``."""

    divide_by: int
    round: Rounding = Rounding.UP

    def content(self) -> TransformQuantity:
        return TransformQuantity(self.divide_by, self.round)


class StripePrice(Stripe, frozen=True):
    """``unit_amount_decimal`` is in minor units; null where tiered. ``tiers`` are there only where they were expanded."""

    id: str
    product: str
    currency: str
    active: bool
    billing_scheme: str = "per_unit"
    unit_amount_decimal: Decimal | None = None
    tiers_mode: TiersMode | None = None
    tiers: list[StripeTier] | None = None
    transform_quantity: StripePackages | None = None
    lookup_key: str | None = None
    recurring: Recurring | None = None
    tax_behavior: str | None = None
    metadata: dict[str, str] = {}
    created: int = 0

    def content(self) -> PriceContent:
        """Return the part that Stripe never changes, which a version's hash covers."""
        return PriceContent(
            currency=self.currency,
            scheme=self._tiered() if self.billing_scheme == Scheme.TIERED else self._per_unit(),
            recurrence=self.recurring.content() if self.recurring else None,
        )

    def _tiered(self) -> Tiered:
        return Tiered(self.tiers_mode, tuple(tier.content() for tier in self.tiers or ()))

    def _per_unit(self) -> PerUnit:
        packages = self.transform_quantity
        return PerUnit(
            unit_amount=self.unit_amount_decimal, transform_quantity=packages.content() if packages else None
        )


class StripeCoupon(Stripe, frozen=True):
    id: str
    name: str | None = None
    percent_off: Decimal | None = None
    amount_off: int | None = None
    currency: str | None = None
    duration: str = "once"
    duration_in_months: int | None = None
    metadata: dict[str, str] = {}
    created: int = 0
    deleted: bool = False


class Card(Stripe, frozen=True):
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None


class PaymentMethod(Stripe, frozen=True):
    """``customer`` is None where it is attached to no customer, or where Stripe did not return it."""

    id: str
    type: str = "card"
    card: Card | None = None
    customer: str | None = None

    def fingerprint(self) -> str:
        """Return a value that is equal for two saved copies of one card."""
        return (self.card.fingerprint if self.card is not None else None) or self.id

    def signature(self) -> str:
        """Return a name that changes when the method is replaced or renewed."""
        until = f" {self.card.exp_year}-{self.card.exp_month}" if self.card is not None and self.card.exp_year else ""
        return f"{self.id}{until}"


class InvoiceSettings(Stripe, frozen=True):
    """``default_payment_method`` is there as an object only where it was expanded."""

    default_payment_method: PaymentMethod | str | None = None


class CustomerTax(Stripe, frozen=True):
    automatic_tax: str = ""


class StripeCustomer(Stripe, frozen=True):
    """``tax`` is there only where it was expanded."""

    id: str
    name: str | None = None
    email: str | None = None
    description: str | None = None
    metadata: dict[str, str] = {}
    invoice_settings: InvoiceSettings | None = None
    default_source: str | None = None
    currency: str | None = None
    tax: CustomerTax | None = None
    created: int = 0
    deleted: bool = False

    def can_be_charged(self) -> bool:
        """Return whether Stripe has a default payment method."""
        return not self.deleted and self.payment_method() is not None

    def payment_method(self) -> PaymentMethod | None:
        """Return the default that subscriptions without one of their own are paid by; of a bare id, its id alone."""
        method = self.invoice_settings.default_payment_method if self.invoice_settings else None
        method = method or self.default_source
        return PaymentMethod(method) if isinstance(method, str) else method


class ItemPrice(Stripe, frozen=True):
    id: str
    currency: str
    product: str = ""
    unit_amount_decimal: Decimal | None = None
    recurring: Recurring | None = None

    def is_metered(self) -> bool:
        """Return whether Stripe bills a meter's usage at this price."""
        return self.recurring is not None and self.recurring.usage_type == UsageType.METERED

    def is_usage(self) -> bool:
        """Return whether usage is billed with it: a metered price, or a placeholder price of 0 (BILLING 8)."""
        return self.is_metered() or self.unit_amount_decimal == 0
