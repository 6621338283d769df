"""Content of a price: the part that Stripe never changes. Amounts are decimals in minor units of its currency.

The result of ``encode`` never changes: its hash names a price's version, so another byte would be a new price each.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, NotRequired, TypedDict

from stripe_sync.core.money import plain

ZERO = Decimal(0)
UNBOUNDED: Final = "inf"  # the bound of the last tier


class Scheme(StrEnum):
    PER_UNIT = "per_unit"
    TIERED = "tiered"


class TiersMode(StrEnum):
    """Graduated prices each tier's units at its own amount; volume prices all units at the tier that they reach."""

    GRADUATED = "graduated"
    VOLUME = "volume"


class Rounding(StrEnum):
    UP = "up"
    DOWN = "down"


class UsageType(StrEnum):
    """Licensed items have a quantity; the quantity of a metered one is counted by a meter."""

    LICENSED = "licensed"
    METERED = "metered"


@dataclass(frozen=True)
class TransformQuantity:
    """Packages of units, charged whole: 21 units in packages of 10, rounded up, are 3 packages."""

    divide_by: int
    round: Rounding = Rounding.UP


@dataclass(frozen=True, kw_only=True)
class Tier:
    """One tier. ``up_to`` is its last unit, inclusive; None is Stripe's ``inf``."""

    up_to: int | None
    unit_amount: Decimal = ZERO
    flat_amount: Decimal = ZERO


@dataclass(frozen=True, kw_only=True)
class PerUnit:
    """An amount for each unit or package. None: Stripe shows no amount."""

    unit_amount: Decimal | None
    transform_quantity: TransformQuantity | None = None


@dataclass(frozen=True)
class Tiered:
    """Tiers in ascending order; none, and no mode, where Stripe did not expand them."""

    mode: TiersMode | None
    tiers: tuple[Tier, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """Interval of a recurring price, ``month`` or ``year``. ``meter`` is the id of the meter of a metered price."""

    interval: str
    count: int = 1
    usage_type: UsageType = UsageType.LICENSED
    meter: str | None = None


@dataclass(frozen=True, kw_only=True)
class PriceContent:
    """Content of one price. ``recurrence`` is None where the price is charged once, or where its interval is left open."""

    currency: str
    scheme: PerUnit | Tiered
    recurrence: Recurrence | None = None

    @property
    def interval(self) -> str:
        """``month`` or ``year``; empty without a recurrence."""
        return self.recurrence.interval if self.recurrence else ""

    @property
    def is_metered(self) -> bool:
        return self.recurrence is not None and self.recurrence.usage_type == UsageType.METERED


class EncodedTier(TypedDict):
    """Tier as documents have it: decimals as text, amounts of 0 left out."""

    up_to: str
    unit_amount: NotRequired[str]
    flat_amount: NotRequired[str]


class EncodedPrice(TypedDict):
    """Content as documents, plans and the ledger have it: numbers as text; ``divide_by`` is ``10:up``."""

    currency: str
    billing_scheme: NotRequired[str]
    unit_amount: NotRequired[str]
    interval: NotRequired[str]
    interval_count: NotRequired[str]
    usage_type: NotRequired[str]
    meter: NotRequired[str]
    tiers_mode: NotRequired[str]
    tiers: NotRequired[list[EncodedTier]]
    divide_by: NotRequired[str]


def encode(content: PriceContent) -> EncodedPrice:
    """Return the content in its stored form."""
    match content.scheme:
        case PerUnit() as scheme:
            made = _encode_per_unit(content.currency, scheme)
        case Tiered() as scheme:
            made = _encode_tiered(content.currency, scheme)
    recurrence = content.recurrence
    if recurrence is not None:
        made["interval"] = recurrence.interval
        made["interval_count"] = str(recurrence.count)
        made["usage_type"] = recurrence.usage_type.value
        if recurrence.meter:
            made["meter"] = recurrence.meter
    return made


def _encode_per_unit(currency: str, scheme: PerUnit) -> EncodedPrice:
    made: EncodedPrice = {"currency": currency, "billing_scheme": Scheme.PER_UNIT.value}
    if scheme.unit_amount is not None:
        made["unit_amount"] = plain(scheme.unit_amount)
    if scheme.transform_quantity is not None:
        made["divide_by"] = f"{scheme.transform_quantity.divide_by}:{scheme.transform_quantity.round}"
    return made


def _encode_tiered(currency: str, scheme: Tiered) -> EncodedPrice:
    made: EncodedPrice = {"currency": currency, "billing_scheme": Scheme.TIERED.value}
    if scheme.mode is not None:
        made["tiers_mode"] = scheme.mode.value
    if scheme.tiers:
        made["tiers"] = [_encode_tier(tier) for tier in scheme.tiers]
    return made


def _encode_tier(tier: Tier) -> EncodedTier:
    made: EncodedTier = {"up_to": UNBOUNDED if tier.up_to is None else str(tier.up_to)}
    if tier.unit_amount:
        made["unit_amount"] = plain(tier.unit_amount)
    if tier.flat_amount:
        made["flat_amount"] = plain(tier.flat_amount)
    return made


def decode(given: EncodedPrice) -> PriceContent:
    """Return the content of a stored form. A part that is absent has the default of its type."""
    is_tiered = given.get("billing_scheme") == Scheme.TIERED or bool(given.get("tiers"))
    return PriceContent(
        currency=given["currency"],
        scheme=_decode_tiered(given) if is_tiered else _decode_per_unit(given),
        recurrence=_decode_recurrence(given),
    )


def _decode_per_unit(given: EncodedPrice) -> PerUnit:
    amount, packages = given.get("unit_amount"), given.get("divide_by")
    return PerUnit(
        unit_amount=None if amount is None else Decimal(amount),
        transform_quantity=None if packages is None else _decode_packages(packages),
    )


def _decode_packages(text: str) -> TransformQuantity:
    number, _, rounding = text.partition(":")
    return TransformQuantity(int(number), Rounding(rounding))


def _decode_tiered(given: EncodedPrice) -> Tiered:
    mode = given.get("tiers_mode")
    return Tiered(TiersMode(mode) if mode else None, tuple(_decode_tier(tier) for tier in given.get("tiers", ())))


def _decode_tier(given: EncodedTier) -> Tier:
    return Tier(
        up_to=None if given["up_to"] == UNBOUNDED else int(given["up_to"]),
        unit_amount=Decimal(given.get("unit_amount", "0")),
        flat_amount=Decimal(given.get("flat_amount", "0")),
    )


def _decode_recurrence(given: EncodedPrice) -> Recurrence | None:
    if "interval" not in given:
        return None
    return Recurrence(
        interval=given["interval"],
        count=int(given.get("interval_count", "1")),
        usage_type=UsageType(given.get("usage_type", UsageType.LICENSED)),
        meter=given.get("meter"),
    )
