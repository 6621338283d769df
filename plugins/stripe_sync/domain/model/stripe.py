"""Stripe's objects: the fields that this pipeline owns or that tell it what it may do."""

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


class StripeItem(Stripe, frozen=True):
    id: str
    price: ItemPrice
    quantity: int | None = None
    created: int = 0
    current_period_start: int = 0
    current_period_end: int = 0


class ItemList(Stripe, frozen=True):
    data: list[StripeItem]
    has_more: bool = False


class Reference(Stripe, frozen=True):
    """The id of an object that was expanded."""

    id: str


class DiscountSource(Stripe, frozen=True):
    type: str = "coupon"
    coupon: Reference | str | None = None

    def coupon_id(self) -> str | None:
        """Return the coupon's id, expanded or not."""
        return self.coupon.id if isinstance(self.coupon, Reference) else self.coupon


class StripeDiscount(Stripe, frozen=True):
    id: str
    source: DiscountSource = DiscountSource()
    end: int | None = None


class AutomaticTax(Stripe, frozen=True):
    """``disabled_reason`` is set where Stripe switched automatic tax off (SB 17.2)."""

    enabled: bool = False
    disabled_reason: str | None = None


class ManualRate(Stripe, frozen=True):
    """A tax rate that was set by hand."""

    id: str


class UntaxedInvoice(Stripe, frozen=True):
    """A finalized invoice of a subscription on which Stripe switched automatic tax off; ``total`` is in minor units."""

    id: str
    total: int
    currency: str


class PauseCollection(Stripe, frozen=True):
    """A pause of a subscription's payments, and what happens to its invoices meanwhile."""

    behavior: str | None = None


class CancellationDetails(Stripe, frozen=True):
    """The reason why a subscription ended."""

    reason: str | None = None


class PendingUpdate(Stripe, frozen=True):
    """A change of a subscription that waits for its payment."""

    expires_at: int | None = None


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
    pause_collection: PauseCollection | None = None
    cancel_at: int | None = None
    start_date: int = 0
    billing_cycle_anchor: int = 0
    billing_cycle_anchor_config: dict[str, int | None] | None = None
    ended_at: int | None = None
    cancellation_details: CancellationDetails | None = None
    discounts: list[StripeDiscount | str] = []
    automatic_tax: AutomaticTax = AutomaticTax()
    default_tax_rates: list[ManualRate] | None = None
    untaxed_invoices: list[UntaxedInvoice] = []
    default_payment_method: PaymentMethod | str | None = None
    pending_update: PendingUpdate | None = None
    created: int = 0

    def payment_method(self) -> PaymentMethod | None:
        """Return the payment method of its own; of a bare id, its id alone."""
        method = self.default_payment_method
        return PaymentMethod(method) if isinstance(method, str) else method


class SubscriptionDetails(Stripe, frozen=True):
    """The subscription of an invoice, expanded or not."""

    subscription: Reference | str | None = None


class InvoiceParent(Stripe, frozen=True):
    """The origin of an invoice."""

    subscription_details: SubscriptionDetails | None = None


class StripeInvoice(Stripe, frozen=True):
    """A draft, or an open invoice that a creation or a change made, with what it says of its subscription."""

    id: str
    customer: str
    currency: str
    status: str = "draft"
    billing_reason: str | None = None
    parent: InvoiceParent | None = None
    auto_advance: bool = False
    automatically_finalizes_at: int | None = None
    attempted: bool = False
    next_payment_attempt: int | None = None
    amount_remaining: int = 0
    collection_method: str = "charge_automatically"
    subtotal: int = 0
    created: int = 0
    period_end: int = 0
    deleted: bool = False

    def subscription(self) -> str | None:
        """Return the id of the subscription that it bills."""
        details = self.parent.subscription_details if self.parent else None
        found = details.subscription if details else None
        return found.id if isinstance(found, Reference) else found
