"""The charges of a subscription as items in Stripe: which price version, and how many (BILLING 3 and 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from stripe_sync.core.errors import RowFailed
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stripe import StripeSubscription
from stripe_sync.domain.target.catalog import Catalog, minimum_id
from stripe_sync.domain.target.meters import Meters
from stripe_sync.domain.target.prices import PriceVersion

MAX_ITEMS = 20
Line = tuple[PriceVersion, int]


def items(subscription: Subscription, catalog: Catalog, meters: Meters) -> list[Line]:
    """(price version, quantity) of each charge; free add-on units are subtracted, usage is anchored by one."""
    free = {item.addon_id: item.quantity for item in subscription.free_items or ()}
    lines: list[Line] = []
    for part in subscription.prices or ():
        if part.price is None:
            raise RowFailed(ReasonCode.NO_PRICE, "Stigg shows a charge of this subscription without its price.")
        version = meters.version(subscription, part.price, lookup(part.price.id, catalog), catalog)
        per_unit = part.price.feature is not None and not version.usage
        units = part.usage_limit if per_unit else Decimal(1)
        lines.append((version, whole(version, units, "a charge")))
    for addon in subscription.addons or ():
        if addon.price is None:
            raise RowFailed(ReasonCode.NO_PRICE, f"Stigg shows the add-on {addon.addon.ref_id} without its price.")
        quantity = max(Decimal(0), addon.quantity - free.get(addon.addon.ref_id, Decimal(0)))
        if quantity:
            version = meters.version(subscription, addon.price, lookup(addon.price.id, catalog), catalog)
            lines.append((version, whole(version, quantity, f"the add-on {addon.addon.ref_id}")))
    lines += minimum_line(subscription, catalog)
    if not lines:
        raise RowFailed(ReasonCode.NO_PRICE, "It is paid, and Stigg shows no price of it.")
    return lines


def minimum_line(subscription: Subscription, catalog: Catalog) -> Iterator[Line]:
    """The minimum spend that is charged in advance, where Stigg shows it beside the charges and not among them."""
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
    """The version of one of Stigg's prices. Raises RowFailed with the reason for which there is none."""
    if price_id in catalog.versions:
        return catalog.versions[price_id]
    failure = catalog.failures.get(price_id)
    if failure is not None:
        raise RowFailed(failure.reason, failure.detail)
    raise RowFailed(ReasonCode.NO_PRICE, f"Stigg's price {price_id} is of no plan or add-on that can be synced.")


def whole(version: PriceVersion, units: Decimal | None, what: str) -> int:
    """The quantity of an item in Stripe: whole units, or whole blocks of them."""
    quantity = version.quantity(units) if units is not None else None
    if quantity is None or quantity != quantity.to_integral_value() or quantity < 0:
        raise RowFailed(ReasonCode.BAD_AMOUNT, f"The quantity of {what} is {units}; Stripe bills whole units.")
    return int(quantity)


def check_lines(inputs: Inputs, lines: list[Line], held: StripeSubscription | None) -> None:
    """Raises RowFailed for what Stripe would refuse: several currencies, more than 20 items with the foreign ones."""
    currencies = {version.currency for version, _ in lines}
    if len(currencies) > 1:
        raise RowFailed(
            ReasonCode.MIXED_CURRENCIES, f"Its prices are in {', '.join(sorted(currencies))}; Stripe bills one."
        )
    own = {version.key for version, _ in lines if not version.once}
    foreign = [i for i in held.items.data if i.price.id not in inputs.links.keys] if held else []
    if len(own) + len(foreign) > MAX_ITEMS:
        others = f" and {len(foreign)} of somebody else's" if foreign else ""
        raise RowFailed(ReasonCode.TOO_MANY_ITEMS, f"It has {len(own)} items{others}; Stripe takes {MAX_ITEMS}.")
    rhythms = {version.content.interval for version, _ in lines if not version.once}
    if held is None and len(rhythms) > 1:
        raise RowFailed(
            ReasonCode.PRICING_MODEL_NOT_SUPPORTED,
            "It has monthly and annual charges; Stripe cannot begin both in the past at one anchor. Make it in Stripe and "
            "name it in Stigg, or make two subscriptions of it.",
        )
    if not own:
        raise RowFailed(ReasonCode.NO_PRICE, "It has no recurring charge; Stripe bills subscriptions by those.")


def item_documents(lines: list[Line]) -> list[dict[str, str]]:
    """Price version and quantity of each item; two charges at one price are one item."""
    quantities: Counter[str] = Counter()
    for version, quantity in lines:
        quantities[version.key] += quantity
    metered = {version.key for version, _ in lines if version.metered}
    return [item_document(price, quantities[price], metered=price in metered) for price in sorted(quantities)]


def item_document(price: str, quantity: int, *, metered: bool) -> dict[str, str]:
    """One item; what a meter counts has no quantity in Stripe and counts as one."""
    return (
        {"price": price, "quantity": "1", "metered": "yes"} if metered else {"price": price, "quantity": str(quantity)}
    )
