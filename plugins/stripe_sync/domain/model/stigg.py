"""Stigg's entities: the fields that decide something, decoded from the rows of its GraphQL API.

Words that Stigg may add to (models, statuses) stay text: an unknown one is that row's ERROR where it is decided upon, and
never a failure of the whole extract.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec


class Stigg(msgspec.Struct, frozen=True, rename="camel"):
    """Base of all: camel case on the wire, unknown fields ignored."""


class Money(Stigg, frozen=True):
    amount: Decimal
    currency: str


class Ref(Stigg, frozen=True):
    ref_id: str
    display_name: str | None = None
    version_number: int | None = None


class UnitTransformation(Stigg, frozen=True):
    """Conversion of used units to billed units: divided, then rounded to whole ones (``UP`` or ``DOWN``)."""

    divide: Decimal
    round: str = "UP"


class Feature(Ref, frozen=True):
    """A measured feature; ``meter_type`` is Incremental (it adds up), Fluctuating (it rises and falls) or None."""

    meter_type: str | None = None
    unit_transformation: UnitTransformation | None = None


class Tier(Stigg, frozen=True):
    up_to: Decimal | None = None
    unit_price: Money | None = None
    flat_price: Money | None = None


class Price(Stigg, frozen=True):
    """One charge × period × country. ``price`` is in major units, null where tiered.

    ``billing_id`` is the Stripe price that Stigg's native integration created, if it did.
    """

    id: str
    billing_model: str
    billing_period: str
    billing_cadence: str = "RECURRING"
    billing_country_code: str | None = None
    price: Money | None = None
    feature: Feature | None = None
    tiers: list[Tier] | None = None
    tiers_mode: str | None = None
    block_size: Decimal | None = None
    is_override_price: bool = False
    billing_id: str | None = None


class Minimum(Stigg, frozen=True):
    """A minimum spend a period, charged in advance."""

    minimum: Money
    billing_period: str | None = None
    is_override: bool = False


class Product(Stigg, frozen=True):
    ref_id: str
    display_name: str | None = None


class Trial(Stigg, frozen=True):
    """Length of a plan's trial: a number of days or of months."""

    duration: Decimal
    units: str = "DAY"


class Package(Stigg, frozen=True):
    """One version of a plan or an add-on."""

    id: str
    ref_id: str
    display_name: str
    version_number: int
    status: str
    is_latest: bool | None = None
    pricing_type: str | None = None
    product: Ref | None = None
    prices: list[Price] | None = None
    overage_prices: list[Price] | None = None
    minimum_spend: list[Minimum] | None = None
    default_trial_config: Trial | None = None
    billing_id: str | None = None


class Coupon(Stigg, frozen=True):
    """A coupon of the catalog; without months it lasts for ever."""

    ref_id: str
    name: str
    type: str
    status: str = "ACTIVE"
    source: str = "STIGG"
    percent_off: Decimal | None = None
    amounts_off: list[Money] | None = None
    duration_in_months: Decimal | None = None
    billing_id: str | None = None


class Customer(Stigg, frozen=True):
    customer_id: str
    name: str | None = None
    email: str | None = None
    has_payment_method: bool = False
    billing_id: str | None = None
    deleted_at: datetime | None = None
    additional_meta_data: dict[str, Any] | None = None


class CustomerRef(Stigg, frozen=True):
    customer_id: str


class SubscriptionPrice(Stigg, frozen=True):
    """A charge of a subscription; ``usage_limit`` is the committed quantity."""

    price: Price | None = None
    usage_limit: Decimal | None = None
    billing_model: str | None = None
    updated_at: datetime | None = None


class SubscriptionAddon(Stigg, frozen=True):
    addon: Ref
    quantity: Decimal
    price: Price | None = None
    updated_at: datetime | None = None


class FreeItem(Stigg, frozen=True):
    addon_id: str
    quantity: Decimal


class SubscriptionCoupon(Stigg, frozen=True):
    """A coupon as it was when it was applied: a snapshot, whatever becomes of the catalog's."""

    ref_id: str
    type: str
    name: str | None = None
    status: str = "ACTIVE"
    percent_off: Decimal | None = None
    amounts_off: list[Money] | None = None
    duration_in_months: Decimal | None = None
    start_date: datetime | None = None


class PlanRef(Ref, frozen=True):
    product: Ref | None = None


class Resource(Stigg, frozen=True):
    resource_id: str


class FutureUpdate(Stigg, frozen=True):
    """A change that Stigg itself will make at a moment."""

    scheduled_execution_time: datetime
    target_package: Ref | None = None


class Subscription(Stigg, frozen=True):
    """A subscription; times are UTC."""

    subscription_id: str
    status: str
    customer: CustomerRef
    plan: PlanRef
    start_date: datetime
    created_at: datetime | None = None
    pricing_type: str | None = None
    is_custom_price_subscription: bool | None = None
    billing_period: str | None = None
    payment_collection_method: str | None = None
    paying_customer: CustomerRef | None = None
    trial_end_date: datetime | None = None
    was_in_trial: bool | None = None
    effective_end_date: datetime | None = None
    cancellation_date: datetime | None = None
    cancel_reason: str | None = None
    billing_id: str | None = None
    old_billing_id: str | None = None
    resource: Resource | None = None
    billing_cycle_anchor: datetime | None = None
    current_billing_period_start: datetime | None = None
    current_billing_period_end: datetime | None = None
    prices: list[SubscriptionPrice] | None = None
    addons: list[SubscriptionAddon] | None = None
    free_items: list[FreeItem] | None = None
    coupons: list[SubscriptionCoupon] | None = None
    minimum_spend: Minimum | None = None
    future_updates: list[FutureUpdate] | None = None

    def payer(self) -> str:
        """The customer that is billed: the paying one where billing is delegated."""
        return (self.paying_customer or self.customer).customer_id

    def is_free(self) -> bool:
        return self.pricing_type == "FREE"

    def is_custom(self) -> bool:
        return self.pricing_type == "CUSTOM" or bool(self.is_custom_price_subscription)
