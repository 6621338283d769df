"""Subscription-specific prices, which override those of the package (BILLING 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from stripe_sync.core.errors import EntityError
from stripe_sync.domain.model.documents import ObjectDocument
from stripe_sync.domain.model.inputs import BILLABLE, Inputs
from stripe_sync.domain.model.stigg import Package, Price, Subscription
from stripe_sync.domain.target.catalog.catalog import Catalog, minimum_id, minimum_price, version_document
from stripe_sync.domain.target.catalog.metered_prices import by_meter
from stripe_sync.domain.target.catalog.prices import PriceVersion, version


def with_own(inputs: Inputs, catalog: Catalog) -> tuple[Catalog, list[ObjectDocument]]:
    """Return the catalog with subscription-specific prices of these inputs, and the targets of these prices."""
    own = list(own_prices(inputs, catalog))
    versions = {o.price: o.version for o in own if o.version is not None}
    metered = {o.price: o.counted for o in own if o.counted is not None}
    failures = {o.price: o.failure for o in own if o.failure is not None}
    targets = {target.key: target for o in own for target in own_price_documents(inputs, o)}
    known = replace(
        catalog,
        versions={**catalog.versions, **versions},
        metered={**catalog.metered, **metered},
        failures={**catalog.failures, **failures},
    )
    return known, list(targets.values())


@dataclass(frozen=True)
class OwnPrice:
    """A subscription-specific price: its version and the metered one, or its failure."""

    subscription: str
    price: str  # the price id in Stigg
    version: PriceVersion | None = None
    counted: PriceVersion | None = None
    failure: EntityError | None = None


def own_prices(inputs: Inputs, catalog: Catalog) -> Iterator[OwnPrice]:
    """Yield the subscription-specific prices of billable subscriptions, on the product of their charge."""
    packages: dict[tuple[str, str, int | None], Package] = {
        (o.kind, o.package.ref_id, o.package.version_number): o.package for o in catalog.offers
    }
    for subscription in inputs.stigg.subscriptions:
        if subscription.status not in BILLABLE or subscription.is_free() or subscription.is_custom():
            continue
        for kind, ref, number, price in overrides(subscription):
            package = packages.get((kind, ref, number))
            if package is not None:
                yield own_price(inputs, subscription.subscription_id, kind, package=package, price=price)


def own_price(inputs: Inputs, subscription: str, kind: str, *, package: Package, price: Price) -> OwnPrice:
    """Return the version of a price that overrides its package's."""
    try:
        v = version(inputs, kind, package, price, subscription=subscription)
        counted = by_meter(inputs, v, kind, package, price, subscription=subscription)
    except EntityError as failure:
        return OwnPrice(subscription, price.id, failure=failure)
    return OwnPrice(subscription, price.id, v, counted)


def own_price_documents(inputs: Inputs, own: OwnPrice) -> list[ObjectDocument]:
    """Return the targets of a subscription-specific price; none if it failed."""
    versions = [v for v in (own.version, own.counted) if v is not None]
    return [version_document(inputs, ("subscription", own.subscription), v) for v in versions]


def overrides(subscription: Subscription) -> Iterator[tuple[str, str, int | None, Price]]:
    """Yield (kind, refId, version, price) of each price that overrides its package's."""
    plan = subscription.plan
    for part in subscription.prices or ():
        if part.price is not None and part.price.is_override_price:
            yield "plan", plan.ref_id, plan.version_number, part.price
    for addon in subscription.addons or ():
        if addon.price is not None and addon.price.is_override_price:
            yield "addon", addon.addon.ref_id, addon.addon.version_number, addon.price
    minimum = subscription.minimum_spend
    if minimum is not None and minimum.is_override and subscription.billing_period:
        id = minimum_id(subscription.billing_period, subscription.subscription_id)
        yield "plan", plan.ref_id, plan.version_number, minimum_price(id, minimum, subscription.billing_period)
