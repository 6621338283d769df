"""Superseded catalog versions that subscriptions still use, and retired products (BILLING 1-3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from stripe_sync.core import keys
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.documents import PRICE_VERSION, PRODUCT, ObjectDocument, compact
from stripe_sync.domain.model.inputs import BILLABLE, Inputs
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.domain.model.status import EntityStatus
from stripe_sync.domain.model.stripe import StripeProduct
from stripe_sync.domain.target.catalog.catalog import Catalog, package_documents, product_document


def superseded(inputs: Inputs, catalog: Catalog, needed: Collection[str]) -> list[ObjectDocument]:
    """Return the targets of superseded versions that are still referenced, and of retired products.

    ``needed`` are the references of all subscriptions, as ``catalog_references`` yields them.
    """
    targets = {target.key: target for target in catalog.targets}
    for offer in catalog.offers:
        number = need(offer.kind, offer.package.ref_id, offer.package.version_number)
        if offer.refused is None and not offer.current and number in needed:
            new = package_documents(inputs, offer.kind, offer.package, offer.made, current=False)
            targets |= {target.key: target for target in new if target.key not in targets}
    for target in retired_products(inputs, targets, catalog.statuses, needed):
        targets.setdefault(target.key, target)
    sold = {target.key for target in catalog.targets}
    return [target for target in targets.values() if target.key not in sold]


def catalog_references(inputs: Inputs, own: Iterable[ObjectDocument]) -> Iterator[tuple[str, str]]:
    """Yield (subscription, reference to a catalog version or product) of subscriptions that are or can become billable.

    ``own`` are the targets of subscription-specific prices.
    """
    for subscription in inputs.stigg.subscriptions:
        if subscription.status not in BILLABLE:
            continue
        id, plan = subscription.subscription_id, subscription.plan
        yield id, need("plan", plan.ref_id, plan.version_number)
        yield from ((id, need("addon", a.addon.ref_id, a.addon.version_number)) for a in subscription.addons or ())
        for update in subscription.future_updates or ():
            if (target := update.target_package) is not None:
                yield from ((id, need(kind, target.ref_id, target.version_number)) for kind in ("plan", "addon"))
    for price in own:
        if price.entity is not None:
            yield price.entity[1], str(price.facts["product"])


def need(kind: str, ref_id: str, version: int | None) -> str:
    """Return the reference to one version of a package."""
    return f"{kind}:{ref_id}@{version}"


def retired_products(
    inputs: Inputs, targets: Mapping[str, ObjectDocument], statuses: Sequence[EntityStatus], needed: Collection[str]
) -> Iterator[ObjectDocument]:
    """Yield the targets of linked products of archived packages and removed charges.

    A product stays active while a subscription uses one of its prices, and is inactive after that. Nothing is deleted.
    """
    of_packages = current_packages(statuses) | archived_packages(statuses)
    named = {n for n in needed if keys.LinkKey.parse(n).kind == PRODUCT}
    in_use = {c.facts["product"] for c in targets.values() if c.kind == PRICE_VERSION} | named
    packages_in_use = {keys.package_of(product) for product in in_use}
    for key, product in linked_products(inputs):
        package = keys.package_of(key)
        if key in targets or package not in of_packages:
            continue
        is_package = key == inputs.package_product_of(key)
        is_used = package in packages_in_use if is_package else key in in_use
        entity = (package[0], keys.unescaped(package[1]))
        target = product_document(inputs, entity, key, product.name)
        yield replace(target, document=compact({**target.document, "active": is_used}))


def linked_products(inputs: Inputs) -> Iterator[tuple[str, StripeProduct]]:
    """Yield (link key, product) of the linked products that Stripe has."""
    for key, id in inputs.links.ids.items():
        product = inputs.stripe.products.get(id)
        if product is not None and not product.deleted and keys.LinkKey.parse(key).kind == PRODUCT:
            yield key, product


def current_packages(statuses: Iterable[EntityStatus]) -> frozenset[tuple[str, str]]:
    """Return (kind, escaped refId) of the published packages that a write may follow."""
    return _packages(statuses, ReasonCode.WAITS_FOR_WRITE)


def archived_packages(statuses: Iterable[EntityStatus]) -> frozenset[tuple[str, str]]:
    """Return (kind, escaped refId) of the packages that were archived in Stigg."""
    return _packages(statuses, ReasonCode.ARCHIVED)


def _packages(statuses: Iterable[EntityStatus], reason: ReasonCode) -> frozenset[tuple[str, str]]:
    packages = (s for s in statuses if s.reason is reason and s.kind in (EntityKind.PLAN, EntityKind.ADDON))
    return frozenset((s.kind, keys.part(s.id)) for s in packages)
