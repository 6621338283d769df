"""Target state of one environment: the documents of both sides and the status of every entity.

It has two parts: the catalog, which is small, and partitions of related customers and subscriptions. A partition depends on
itself and the catalog. The catalog depends on itself and on the superseded versions that partitions still use (``catalog_references``).
So every division into complete partitions gives the same result.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from stripe_sync.core import keys
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.actual_state import linked_documents
from stripe_sync.domain.actual.cancellations import in_stigg
from stripe_sync.domain.actual.successors import resolutions
from stripe_sync.domain.model.documents import COUPON, PRICE, PRICE_VERSION, PRODUCT, STIGG_SUBSCRIPTION, ObjectDocument
from stripe_sync.domain.model.inputs import Inputs, StripeView, TargetState
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.target.catalog.catalog import Catalog, catalog
from stripe_sync.domain.target.catalog.catalog_versions import (
    archived_packages,
    catalog_references,
    current_packages,
    superseded,
)
from stripe_sync.domain.target.catalog.own_prices import with_own
from stripe_sync.domain.target.coupons import coupons
from stripe_sync.domain.target.customers import customers
from stripe_sync.domain.target.subscriptions import subscriptions

UNDECIDED = (Status.ERROR, Status.PENDING)
DECIDED = (ReasonCode.WAITS_FOR_WRITE, ReasonCode.PAYMENT_PROCESSING)
Statuses = Mapping[tuple[str, str], EntityStatus]


@dataclass(frozen=True)
class CatalogState:
    """The catalog as input of partitions, with the statuses of its entities; ``lost`` packages have no targets."""

    catalog: Catalog
    coupons: Sequence[ObjectDocument]
    lost: Collection[tuple[str, str]]
    statuses: Statuses


@dataclass(frozen=True)
class Families:
    """Target state of a partition; ``catalog_references`` are its references to superseded catalog versions, as (subscription, version).

    ``catalog`` includes the subscription-specific prices of the partition.
    """

    target_state: TargetState
    catalog: Catalog
    catalog_references: Sequence[tuple[str, str]]


def target_state(inputs: Inputs) -> TargetState:
    """Return target and actual documents of everything in these inputs.

    A key whose entity could not be decided (ERROR, or PENDING for its own reason) is in neither, so it is not drift.
    """
    state = catalog_state(inputs)
    families = of_families(inputs, state, inputs.stripe)
    catalog_part = of_catalog(inputs, state, {what for _, what in families.catalog_references})
    both = (catalog_part, families.target_state)
    return TargetState(
        [document for part in both for document in part.targets],
        [document for part in both for document in part.found],
        {entity: status for part in both for entity, status in part.statuses.items()},
        families.target_state.timers,
    )


def catalog_state(inputs: Inputs) -> CatalogState:
    """Return the catalog part of the target state."""
    made = catalog(inputs)
    coupon_documents, coupon_statuses = coupons(inputs)
    broken = [s for s in inputs.stigg.broken if s.kind not in (EntityKind.CUSTOMER, EntityKind.SUBSCRIPTION)]
    lost = deleted_products(inputs, made.targets)
    statuses = by_entity(made.statuses, coupon_statuses, broken, lost)
    return CatalogState(made, coupon_documents, {(s.kind, s.id) for s in lost}, statuses)


def of_catalog(inputs: Inputs, state: CatalogState, needed: Collection[str]) -> TargetState:
    """Return target and actual documents of the shared catalog; ``needed`` as in ``superseded``."""
    targets = [*state.catalog.targets, *superseded(inputs, state.catalog, needed)]
    targets = [*(document for document in targets if document.entity not in state.lost), *state.coupons]
    decidable = Decidable.of(inputs, targets, state.statuses)
    there = [
        document
        for document in linked_documents(inputs, inputs.stripe)
        if not keys.owner(document.key) and decidable.holds(document)
    ]
    return TargetState(targets, there, state.statuses)


def of_families(inputs: Inputs, state: CatalogState, own: StripeView) -> Families:
    """Return target and actual documents of customers and subscriptions, and of their own prices and coupons.

    ``own`` are the Stripe objects of the partition; ``inputs`` also has those of the catalog.
    """
    known, own_prices = with_own(inputs, state.catalog)
    customer_documents, customer_statuses = customers(inputs)
    broken = [s for s in inputs.stigg.broken if s.kind in (EntityKind.CUSTOMER, EntityKind.SUBSCRIPTION)]
    decided = subscriptions(
        inputs,
        known,
        {s.id: s for s in [*customer_statuses, *broken] if s.kind == EntityKind.CUSTOMER},
        catalog_coupons={c.entity[1]: c.key for c in state.coupons if c.entity},
        resolutions=resolutions(inputs),
    )
    targets = [*own_prices, *customer_documents, *once_each(decided.targets)]
    statuses = by_entity(customer_statuses, decided.statuses, broken)
    decidable = Decidable.of(inputs, targets, {**state.statuses, **statuses})
    there = (document for document in [*linked_documents(inputs, own), *in_stigg(inputs)] if keys.owner(document.key))
    made = TargetState(targets, [document for document in there if decidable.holds(document)], statuses, decided.timers)
    return Families(made, known, list(catalog_references(inputs, own_prices)))


def by_entity(*statuses: Iterable[EntityStatus]) -> dict[tuple[str, str], EntityStatus]:
    """Return statuses by (kind, id); the last one of an entity wins."""
    return {(s.kind, s.id): s for group in statuses for s in group}


def once_each(targets: Iterable[ObjectDocument]) -> list[ObjectDocument]:
    """Return targets without duplicates; two applications of one coupon may have the same target."""
    return list({document.key: document for document in targets}.values())


@dataclass(frozen=True)
class Decidable:
    """Selects the actual documents that may be compared: those with a target, and those that certainly have none."""

    inputs: Inputs
    target_keys: frozenset[str]  # link keys
    statuses: Statuses
    packages: frozenset[tuple[str, str]]  # (kind, escaped refId) of published packages
    archived: frozenset[tuple[str, str]]  # the same of archived packages

    @classmethod
    def of(cls, inputs: Inputs, targets: Iterable[ObjectDocument], statuses: Statuses) -> Decidable:
        """Return the selection for these targets and statuses."""
        target_keys = frozenset(document.key for document in targets)
        return cls(
            inputs, target_keys, statuses, current_packages(statuses.values()), archived_packages(statuses.values())
        )

    def holds(self, document: ObjectDocument) -> bool:
        """Return whether a document is compared: it has a target, or certainly has none."""
        if document.key in self.target_keys:
            return True
        if document.kind in (PRICE, PRICE_VERSION):
            return self.is_owner_decided(document.key) and keys.package_of(document.key) in self.packages
        if document.kind == PRODUCT:
            return self.is_product_decided(document.key)
        if document.kind == STIGG_SUBSCRIPTION:
            return False
        if document.kind == COUPON:
            return self.is_decided(keys.entity_of(document.key))
        return document.key not in self.undecided_keys

    def is_owner_decided(self, price: str) -> bool:
        """Return whether no subscription owns a price alone, or that subscription is decided."""
        owner = keys.subscription_of(price)
        return owner is None or self.is_decided(("subscription", owner))

    def is_product_decided(self, product: str) -> bool:
        """Return whether a product's package is neither undecided nor archived; Stigg need not show it."""
        kind, ref = keys.package_of(product)
        return not self.is_undecided((kind, keys.unescaped(ref))) and (kind, ref) not in self.archived

    def is_decided(self, entity: tuple[str, str]) -> bool:
        """Return whether Stigg has an entity and its status is decided; absence is not deletion."""
        return entity in self.statuses and not self.is_undecided(entity)

    def is_undecided(self, entity: tuple[str, str]) -> bool:
        """Return whether an entity has a status that is not decided."""
        status = self.statuses.get(entity)
        return status is not None and status.status in UNDECIDED and status.reason not in DECIDED

    @cached_property
    def undecided_keys(self) -> frozenset[str]:
        """Link keys of the customers and subscriptions that are undecided."""
        families = [(kind, id) for kind, id in self.statuses if kind in (EntityKind.CUSTOMER, EntityKind.SUBSCRIPTION)]
        return frozenset(self.inputs.link_key(*entity) for entity in families if self.is_undecided(entity))


def deleted_products(inputs: Inputs, targets: Iterable[ObjectDocument]) -> list[EntityStatus]:
    """Return error statuses of packages whose linked product was deleted in Stripe; it is not created again automatically."""
    gone = {
        document.entity: inputs.links.ids[document.key]
        for document in targets
        if document.kind == PRODUCT and is_gone(inputs, document.key)
    }
    detail = "Product {} was deleted in Stripe. Unlink it to create it again."
    return [
        EntityStatus(*entity, Status.ERROR, ReasonCode.DELETED_IN_STRIPE, detail.format(id), id)
        for entity, id in gone.items()
        if entity is not None
    ]


def is_gone(inputs: Inputs, key: str) -> bool:
    """Return whether a linked product was deleted in Stripe."""
    id = inputs.links.ids.get(key)
    product = inputs.stripe.products.get(id) if id else None
    return id is not None and (product is None or product.deleted)
