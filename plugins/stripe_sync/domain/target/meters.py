"""Assignment of Stripe meters to subscriptions (BILLING 8): one subscription per customer, since a meter counts per customer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.domain.model.inputs import BILLABLE, Inputs
from stripe_sync.domain.model.stigg import Price, Subscription
from stripe_sync.domain.target.catalog.catalog import Catalog
from stripe_sync.domain.target.catalog.prices import PriceVersion


@dataclass(frozen=True)
class Meters:
    """Assigned meters as (subscription, feature); ``shared`` has the message of subscriptions that could not get one."""

    holders: frozenset[tuple[str, str]] = frozenset()
    shared: Mapping[str, str] | None = None

    def version(self, subscription: Subscription, price: Price, anchor: PriceVersion, catalog: Catalog) -> PriceVersion:
        """Return the price version of a charge: the metered one if the meter is assigned to this subscription."""
        ref = price.feature.ref_id if price.feature is not None else ""
        by_meter = catalog.metered.get(price.id) if (subscription.subscription_id, ref) in self.holders else None
        return by_meter or anchor


def meters(inputs: Inputs, catalog: Catalog) -> Meters:
    """Assign meters: a subscription that has it in Stripe keeps it, else the customer's first one by id gets it."""
    chosen = inputs.environment.usage.meters
    if not chosen:
        return Meters()
    asking: dict[tuple[str, str], list[Subscription]] = defaultdict(list)
    for subscription in inputs.stigg.subscriptions:
        for feature in features(subscription, catalog):
            asking[subscription.payer(), feature].append(subscription)
    uses = [
        MeterUse(feature, tuple(those), prices_on(inputs, customer, chosen[feature].meter))
        for (customer, feature), those in asking.items()
    ]
    holders = {(holder, use.feature) for use in uses if (holder := holder_of(inputs, catalog, use)) is not None}
    return Meters(frozenset(holders), {id: why for use in uses for id, why in sharers(inputs, use).items()})


@dataclass(frozen=True)
class MeterUse:
    """The subscriptions of one customer that ask for the meter of a feature, and ``on``, the prices that are on it.

    ``on`` has the ids of prices by Stripe subscription.
    """

    feature: str
    asking: tuple[Subscription, ...]
    on: Mapping[str, set[str]]

    def order(self, inputs: Inputs) -> list[Subscription]:
        """Return those that ask: a subscription that has the meter in Stripe keeps it, else the first by id gets it."""
        return sorted(self.asking, key=lambda s: (stripe_id(inputs, s) not in self.on, s.subscription_id))

    def foreign(self, inputs: Inputs) -> set[str]:
        """Return the Stripe subscriptions that have the meter and do not ask for it."""
        return self.on.keys() - {stripe_id(inputs, s) for s in self.asking}


def holder_of(inputs: Inputs, catalog: Catalog, use: MeterUse) -> str | None:
    """Return the subscription that a meter bills; None where another Stripe subscription, or another price, is on it.

    While an item at another price counts, a second one would bill the same usage again.
    """
    first = use.order(inputs)[0]
    linked_prices = {inputs.links.ids.get(catalog.metered[p.id].key) for p in used(first, catalog)}
    others = use.on.get(stripe_id(inputs, first), set()) - linked_prices
    return None if use.foreign(inputs) or others else first.subscription_id


def sharers(inputs: Inputs, use: MeterUse) -> dict[str, str]:
    """Return why a meter does not bill a subscription that asks for it, by subscription id."""
    foreign, (first, *rest) = use.foreign(inputs), use.order(inputs)
    holder = ", ".join(sorted(foreign)) or first.subscription_id
    why = f"METER_SHARED: {holder} already has the meter of {use.feature}; usage is billed by invoice lines."
    return dict.fromkeys((s.subscription_id for s in ([first, *rest] if foreign else rest)), why)


def stripe_id(inputs: Inputs, subscription: Subscription) -> str:
    """Return the id of the linked Stripe subscription, or an empty text."""
    return inputs.links.ids.get(inputs.link_key("subscription", subscription.subscription_id), "")


def features(subscription: Subscription, catalog: Catalog) -> list[str]:
    """Return the features that a meter could bill: none with a minimum spend, and none that is charged twice."""
    if subscription.status not in BILLABLE or subscription.minimum_spend is not None:
        return []
    if any(p.price is not None and p.price.billing_model == "MINIMUM_SPEND" for p in subscription.prices or ()):
        return []
    found = Counter(p.feature.ref_id for p in used(subscription, catalog) if p.feature is not None)
    return [feature for feature, n in found.items() if n == 1]


def used(subscription: Subscription, catalog: Catalog) -> list[Price]:
    """Return the prices of a subscription that a meter could bill."""
    parts = [*(subscription.prices or ()), *(subscription.addons or ())]
    return [p.price for p in parts if p.price is not None and p.price.id in catalog.metered]


def prices_on(inputs: Inputs, customer: str, meter: str) -> dict[str, set[str]]:
    """Return the prices on a meter of a customer's current Stripe subscriptions, by subscription."""
    id = inputs.links.ids.get(inputs.link_key("customer", customer))
    found: dict[str, set[str]] = {}
    for s in inputs.stripe.subscriptions.values():
        on = {i.price.id for i in s.items.data if i.price.recurring is not None and i.price.recurring.meter == meter}
        if on and s.customer == id and s.status not in ENDED_STATUSES:
            found[s.id] = on
    return found
