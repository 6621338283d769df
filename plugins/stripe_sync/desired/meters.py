"""Which subscriptions are billed by a meter of Stripe's (BILLING 8): one at a time of each customer, since it counts per customer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stripe_sync.desired.catalog import Catalog
from stripe_sync.desired.found import GONE
from stripe_sync.desired.inputs import BILLABLE, Inputs
from stripe_sync.desired.prices import PriceVersion
from stripe_sync.model.stigg_side import Price, Subscription


@dataclass(frozen=True)
class Meters:
    """(subscription, feature) of what a meter bills, and why not of what it could: ``shared``, by subscription."""

    holders: frozenset[tuple[str, str]] = frozenset()
    shared: Mapping[str, str] | None = None

    def version(self, subscription: Subscription, price: Price, anchor: PriceVersion, catalog: Catalog) -> PriceVersion:
        """The version by which a charge is billed: by a meter where this subscription has it, else as it is."""
        ref = price.feature.ref_id if price.feature is not None else ""
        by_meter = catalog.metered.get(price.id) if (subscription.subscription_id, ref) in self.holders else None
        return by_meter or anchor


def meters(inputs: Inputs, catalog: Catalog) -> Meters:
    """Who has each meter. Whoever has it in Stripe keeps it; else the oldest subscription of its customer gets it."""
    chosen = inputs.environment.usage_meters
    if not chosen:
        return Meters()
    asking: dict[tuple[str, str], list[Subscription]] = defaultdict(list)
    for subscription in inputs.stigg.subscriptions:
        for feature in features(subscription, catalog):
            asking[subscription.payer(), feature].append(subscription)
    holders: set[tuple[str, str]] = set()
    shared: dict[str, str] = {}
    for (customer, feature), those in asking.items():
        meter = chosen[feature].meter
        using = items_on(inputs, customer, meter)
        ids = {
            s.subscription_id: inputs.links.ids.get(inputs.link_key("subscription", s.subscription_id)) for s in those
        }
        foreign = using - {id for id in ids.values() if id is not None}
        order = sorted(those, key=lambda s: (ids[s.subscription_id] not in using, s.subscription_id))
        if not foreign:
            holders.add((order[0].subscription_id, feature))
        for other in order if foreign else order[1:]:
            first = ", ".join(sorted(foreign)) or order[0].subscription_id
            shared[other.subscription_id] = (
                f"METER_SHARED: {first} has the meter of {feature} already; its use is billed by lines on the invoice."
            )
    return Meters(frozenset(holders), shared)


def features(subscription: Subscription, catalog: Catalog) -> Iterator[str]:
    """The features whose use a subscription could bill by a meter: not where a minimum is paid in advance."""
    if subscription.status not in BILLABLE or subscription.minimum_spend is not None:
        return
    parts = [*(subscription.prices or ()), *(subscription.addons or ())]
    if any(p.price is not None and p.price.billing_model == "MINIMUM_SPEND" for p in parts):
        return
    for part in parts:
        if part.price is not None and part.price.id in catalog.metered and part.price.feature is not None:
            yield part.price.feature.ref_id


def items_on(inputs: Inputs, customer: str, meter: str) -> set[str]:
    """The living Stripe subscriptions of a customer that have an item on a meter."""
    id = inputs.links.ids.get(inputs.link_key("customer", customer))
    return {
        s.id
        for s in inputs.stripe.subscriptions.values()
        if s.customer == id and s.status not in GONE
        and any(i.price.recurring is not None and i.price.recurring.meter == meter for i in s.items.data)
    }  # fmt: skip
