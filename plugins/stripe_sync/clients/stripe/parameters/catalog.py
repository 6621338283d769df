"""Parameters of products, prices, coupons and customers."""

from __future__ import annotations

from msgspec import UNSET, UnsetType, field

from stripe_sync.clients.stripe.endpoints import EXPANDED
from stripe_sync.clients.stripe.parameters.encoding import Parameters


class ProductChange(Parameters, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    tax_code: str | UnsetType = UNSET
    default_price: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET


class NewProduct(ProductChange, frozen=True, kw_only=True):
    id: str


class RecurringParams(Parameters, frozen=True, kw_only=True):
    interval: str
    interval_count: int
    usage_type: str
    meter: str | UnsetType = UNSET


class TierParams(Parameters, frozen=True, kw_only=True):
    """A tier; amounts in minor units, at least one of them. The last tier is up to ``inf``."""

    up_to: int | str
    unit_amount_decimal: str | UnsetType = UNSET
    flat_amount_decimal: str | UnsetType = UNSET


class TransformQuantityParams(Parameters, frozen=True, kw_only=True):
    divide_by: int
    round: str


class PriceChange(Parameters, frozen=True, kw_only=True):
    """``lookup_key`` is taken from its holder with ``transfer_lookup_key``; an empty one gives it up."""

    active: bool | UnsetType = UNSET
    tax_behavior: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    lookup_key: str | UnsetType = UNSET
    transfer_lookup_key: bool | UnsetType = UNSET
    expand: list[str] = field(default_factory=lambda: EXPANDED["price"])


class NewPrice(PriceChange, frozen=True, kw_only=True):
    """``unit_amount_decimal`` is in minor units; a price has it or ``tiers``."""

    currency: str
    product: str
    billing_scheme: str
    recurring: RecurringParams | UnsetType = UNSET
    unit_amount_decimal: str | UnsetType = UNSET
    tiers_mode: str | UnsetType = UNSET
    tiers: list[TierParams] | UnsetType = UNSET
    transform_quantity: TransformQuantityParams | UnsetType = UNSET


class CouponChange(Parameters, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET


class CurrencyAmount(Parameters, frozen=True, kw_only=True):
    """The amount off in a further currency, minor units."""

    amount_off: int


class NewCoupon(CouponChange, frozen=True, kw_only=True):
    """``amount_off`` is in minor units of ``currency``; a coupon has it or ``percent_off``."""

    id: str
    duration: str
    duration_in_months: int | UnsetType = UNSET
    percent_off: float | UnsetType = UNSET
    amount_off: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    currency_options: dict[str, CurrencyAmount] | UnsetType = UNSET


class CustomerChange(Parameters, frozen=True, kw_only=True):
    """Fields of a customer; the answer is as complete as a read."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    expand: list[str] = field(default_factory=lambda: EXPANDED["customer"])


class NewCustomer(CustomerChange, frozen=True, kw_only=True):
    test_clock: str | UnsetType = UNSET
