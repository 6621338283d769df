"""Subscription items: price version and quantity of each charge (BILLING 3 and 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

from stripe_sync.core import keys
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.domain.target import coupons
from stripe_sync.domain.target.catalog.catalog import Catalog, minimum_id
from stripe_sync.domain.target.catalog.prices import PriceVersion
from stripe_sync.domain.target.meters import Meters

MAX_ITEMS = 20
MAX_ONE_OFFS = 55  # tokens of nine characters in a metadata value of 500
Line = tuple[PriceVersion, int]


def items(subscription: Subscription, catalog: Catalog, meters: Meters) -> list[Line]:
    """Return (price version, quantity) of each charge; free add-on units are subtracted, a placeholder price has quantity 1."""
    free = {item.addon_id: item.quantity for item in subscription.free_items or ()}
    lines: list[Line] = []
    for part in subscription.prices or ():
        if part.price is None:
            raise EntityError(ReasonCode.NO_PRICE, "Stigg shows a charge of this subscription without its price.")
        version = meters.version(subscription, part.price, lookup(part.price.id, catalog), catalog)
        per_unit = part.price.feature is not None and not version.usage
        units = part.usage_limit if per_unit else Decimal(1)
        lines.append((version, whole_quantity(version, units, "a charge")))
    for addon in subscription.addons or ():
        if addon.price is None:
            raise EntityError(ReasonCode.NO_PRICE, f"Stigg shows the add-on {addon.addon.ref_id} without its price.")
        quantity = max(Decimal(0), addon.quantity - free.get(addon.addon.ref_id, Decimal(0)))
        if quantity:
            version = meters.version(subscription, addon.price, lookup(addon.price.id, catalog), catalog)
            lines.append((version, whole_quantity(version, quantity, f"the add-on {addon.addon.ref_id}")))
    lines += minimum_line(subscription, catalog)
    if not lines:
        raise EntityError(ReasonCode.NO_PRICE, "It is paid, and Stigg shows no price of it.")
    return lines


def minimum_line(subscription: Subscription, catalog: Catalog) -> Iterator[Line]:
    """Yield the line of a minimum spend that is not among the subscription's charges."""
    minimum = subscription.minimum_spend
    among = any(part.billing_model == "MINIMUM_SPEND" for part in subscription.prices or ())
    if minimum is None or among or not subscription.billing_period or not minimum.minimum.amount:
        return
    period, plan = subscription.billing_period, subscription.plan
    if minimum.is_override:
        yield lookup(minimum_id(period, subscription.subscription_id), catalog), 1
    else:
        yield lookup(minimum_id(period, "plan", plan.ref_id, plan.version_number), catalog), 1


def lookup(price_id: str, catalog: Catalog) -> PriceVersion:
    """Return the version of a Stigg price. Raises EntityError with the reason where it has none."""
    if price_id in catalog.versions:
        return catalog.versions[price_id]
    failure = catalog.failures.get(price_id)
    if failure is not None:
        raise EntityError(failure.reason, failure.detail)
    raise EntityError(ReasonCode.NO_PRICE, f"Stigg's price {price_id} is of no plan or add-on that can be synced.")


def whole_quantity(version: PriceVersion, units: Decimal | None, what: str) -> int:
    """Return the quantity of an item: whole units, or whole blocks of units. Raises EntityError."""
    quantity = version.quantity(units) if units is not None else None
    if quantity is None or quantity != quantity.to_integral_value() or quantity < 0:
        raise EntityError(ReasonCode.BAD_AMOUNT, f"The quantity of {what} is {units}; Stripe bills whole units.")
    return int(quantity)


def check_lines(inputs: Inputs, lines: list[Line], held: StripeSubscription | None) -> None:
    """Raise EntityError for items that Stripe would refuse: several currencies, more than 20 items, foreign ones included."""
    currencies = {version.currency for version, _ in lines}
    if len(currencies) > 1:
        raise EntityError(
            ReasonCode.MIXED_CURRENCIES, f"Its prices are in {', '.join(sorted(currencies))}; Stripe bills one."
        )
    own = {version.key for version, _ in lines if not version.once}
    foreign = [i for i in held.items.data if i.price.id not in inputs.links.keys] if held else []
    if len(own) + len(foreign) > MAX_ITEMS:
        others = f" and {len(foreign)} foreign ones" if foreign else ""
        raise EntityError(ReasonCode.TOO_MANY_ITEMS, f"It has {len(own)} items{others}; Stripe takes {MAX_ITEMS}.")
    intervals = {version.content.interval for version, _ in lines if not version.once}
    if held is None and len(intervals) > 1:
        raise EntityError(
            ReasonCode.PRICING_MODEL_NOT_SUPPORTED,
            "It has monthly and annual charges; Stripe cannot begin both in the past at one anchor. Make it in Stripe and "
            "name it in Stigg, or make two subscriptions of it.",
        )
    if not own:
        raise EntityError(ReasonCode.NO_PRICE, "It has no recurring charge; Stripe bills subscriptions by those.")


def item_documents(lines: list[Line]) -> list[dict[str, str]]:
    """Return price version and quantity of each item; charges with the same price are one item."""
    quantities: Counter[str] = Counter()
    for version, quantity in lines:
        quantities[version.key] += quantity
    metered = {version.key for version, _ in lines if version.metered}
    return [item_document(price, quantities[price], metered=price in metered) for price in sorted(quantities)]


def item_document(price: str, quantity: int, *, metered: bool) -> dict[str, str]:
    """Return one item; a metered item has no quantity in Stripe and counts as one."""
    return (
        {"price": price, "quantity": "1", "metered": "yes"} if metered else {"price": price, "quantity": str(quantity)}
    )


def once_token(v: PriceVersion) -> str:
    """Return the token of a one-off charge, the same for all versions of the plan."""
    return coupons.once_token("charge", keys.slot_of(v.key))


def once_tokens(found: coupons.Discounts, charged: list[Line]) -> list[str]:
    """Return the tokens of coupons and one-off charges, sorted. Raises EntityError where they do not fit the metadata."""
    once = {*found.once, *(once_token(v) for v, _ in charged)}
    if len(once) > MAX_ONE_OFFS:
        raise EntityError(
            ReasonCode.TOO_MUCH_ONCE, f"It has {len(once)} coupons and one-off charges; {MAX_ONE_OFFS} can be kept."
        )
    return sorted(once)


def one_off_items(charged: list[Line], done: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the one-off charges that are not charged yet: price version and quantity by token."""
    given = set(done)
    tokens = {once_token(v): {"price": v.key, "quantity": str(quantity)} for v, quantity in charged}
    return {token: item for token, item in tokens.items() if token not in given}
