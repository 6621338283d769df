"""The desired state of one environment: every claim of both sides and the status of every entity.

It has two parts. The catalog is one, and small. The rest is decided a family at a time: customers and subscriptions that
have to do with each other, with what is theirs alone. A family is decided from itself and the catalog; the catalog is decided
from itself and from what of its past some family ``needs``. So any division into whole families comes to the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from stripe_sync.core import keys
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.cancellations import in_stigg
from stripe_sync.domain.actual.stripe_objects import found
from stripe_sync.domain.actual.successors import fates
from stripe_sync.domain.model.documents import COUPON, PRICE, PRICE_VERSION, PRODUCT, STIGG_SUBSCRIPTION, Claim
from stripe_sync.domain.model.inputs import Desired, Inputs, StripeView
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.target.catalog import (
    Catalog,
    archived_packages,
    catalog,
    current_packages,
    needs,
    past,
)
from stripe_sync.domain.target.coupons import coupons
from stripe_sync.domain.target.customers import customers
from stripe_sync.domain.target.own_prices import with_own
from stripe_sync.domain.target.subscriptions import subscriptions

UNDECIDED = (Status.ERROR, Status.PENDING)
DECIDED = (ReasonCode.WAITS_FOR_WRITE, ReasonCode.PAYMENT_PROCESSING)
Statuses = Mapping[tuple[str, str], EntityStatus]


@dataclass(frozen=True)
class Offered:
    """The catalog as families know it, with the statuses of everything in it. Of ``lost`` packages nothing is claimed."""

    catalog: Catalog
    coupons: Sequence[Claim]
    lost: Collection[tuple[str, str]]
    statuses: Statuses


@dataclass(frozen=True)
class Families:
    """What was decided of some families, and (subscription, what it needs of the catalog's past).

    ``catalog`` is the catalog with the prices that they alone have.
    """

    desired: Desired
    catalog: Catalog
    needs: Sequence[tuple[str, str]]


def desired(inputs: Inputs) -> Desired:
    """What is wanted and what was found, of everything in these inputs.

    A key whose entity could not be decided (ERROR, or PENDING for a reason of its own) is in neither: it is not drift
    that something is there, or not there, while nobody knows what should be.
    """
    offer = offered(inputs)
    families = of_families(inputs, offer, inputs.stripe)
    catalog_part = of_catalog(inputs, offer, {what for _, what in families.needs})
    both = (catalog_part, families.desired)
    return Desired(
        [claim for part in both for claim in part.wanted],
        [claim for part in both for claim in part.found],
        {entity: status for part in both for entity, status in part.statuses.items()},
        families.desired.timers,
    )


def offered(inputs: Inputs) -> Offered:
    """The catalog's side of the inputs."""
    made = catalog(inputs)
    coupon_claims, coupon_statuses = coupons(inputs)
    broken = [s for s in inputs.stigg.broken if s.kind not in (EntityKind.CUSTOMER, EntityKind.SUBSCRIPTION)]
    lost = deleted_products(inputs, made.claims)
    statuses = by_entity(made.statuses, coupon_statuses, broken, lost)
    return Offered(made, coupon_claims, {(s.kind, s.id) for s in lost}, statuses)


def of_catalog(inputs: Inputs, offer: Offered, needed: Collection[str]) -> Desired:
    """What is wanted and found of products, prices and coupons that are nobody's own. ``needed``: see ``past``."""
    claims = [*offer.catalog.claims, *past(inputs, offer.catalog, needed)]
    wanted = [*(claim for claim in claims if claim.entity not in offer.lost), *offer.coupons]
    decidable = Decidable.of(inputs, wanted, offer.statuses)
    there = [claim for claim in found(inputs, inputs.stripe) if not keys.owner(claim.key) and decidable.holds(claim)]
    return Desired(wanted, there, offer.statuses)


def of_families(inputs: Inputs, offer: Offered, own: StripeView) -> Families:
    """What is wanted and found of customers and subscriptions, and of prices and coupons that one of these alone has.

    ``own`` are the objects of Stripe that are theirs; ``inputs`` has the catalog's besides.
    """
    known, own_prices = with_own(inputs, offer.catalog)
    customer_claims, customer_statuses = customers(inputs)
    broken = [s for s in inputs.stigg.broken if s.kind in (EntityKind.CUSTOMER, EntityKind.SUBSCRIPTION)]
    decided = subscriptions(
        inputs,
        known,
        {s.id: s for s in [*customer_statuses, *broken] if s.kind == EntityKind.CUSTOMER},
        catalog_coupons={c.entity[1]: c.key for c in offer.coupons if c.entity},
        fates=fates(inputs),
    )
    wanted = [*own_prices, *customer_claims, *once_each(decided.claims)]
    statuses = by_entity(customer_statuses, decided.statuses, broken)
    decidable = Decidable.of(inputs, wanted, {**offer.statuses, **statuses})
    there = (claim for claim in [*found(inputs, own), *in_stigg(inputs)] if keys.owner(claim.key))
    made = Desired(wanted, [claim for claim in there if decidable.holds(claim)], statuses, decided.timers)
    return Families(made, known, list(needs(inputs, own_prices)))


def by_entity(*statuses: Iterable[EntityStatus]) -> dict[tuple[str, str], EntityStatus]:
    """Statuses by (kind, id); the later one of an entity counts."""
    return {(s.kind, s.id): s for those in statuses for s in those}


def once_each(claims: Iterable[Claim]) -> list[Claim]:
    """The claims without repetition: two applications of one coupon may want the same object."""
    return list({claim.key: claim for claim in claims}.values())


@dataclass(frozen=True)
class Decidable:
    """Which of the objects that were found may be compared: what is wanted, and what nothing wants for certain."""

    inputs: Inputs
    claimed: frozenset[str]  # link keys
    statuses: Statuses
    packages: frozenset[tuple[str, str]]  # (kind, escaped refId) of what is sold
    archived: frozenset[tuple[str, str]]  # the same of what was archived

    @classmethod
    def of(cls, inputs: Inputs, wanted: Iterable[Claim], statuses: Statuses) -> Decidable:
        """Return the rule for these target documents and statuses."""
        claimed = frozenset(claim.key for claim in wanted)
        return cls(inputs, claimed, statuses, current_packages(statuses.values()), archived_packages(statuses.values()))

    def holds(self, claim: Claim) -> bool:
        """Return whether an object that was found may be compared."""
        if claim.key in self.claimed:
            return True
        if claim.kind in (PRICE, PRICE_VERSION):
            return self.is_owner_decided(claim.key) and keys.package_of(claim.key) in self.packages
        if claim.kind == PRODUCT:
            return self.is_product_decided(claim.key)
        if claim.kind == STIGG_SUBSCRIPTION:
            return False
        if claim.kind == COUPON:
            return self.is_decided(keys.entity_of(claim.key))
        return claim.key not in self.undecided_keys

    def is_owner_decided(self, price: str) -> bool:
        """Return whether no subscription owns a price alone, or that subscription is decided."""
        owner = keys.subscription_of(price)
        return owner is None or self.is_decided(("subscription", owner))

    def is_product_decided(self, product: str) -> bool:
        """Return whether a product's package is neither undecided nor archived; Stigg need not show it."""
        kind, ref = keys.package_of(product)
        return not self.is_undecided((kind, keys.unescaped(ref))) and (kind, ref) not in self.archived

    def is_decided(self, entity: tuple[str, str]) -> bool:
        """Return whether Stigg shows an entity, and its state is known: an entity that is not shown decides nothing."""
        return entity in self.statuses and not self.is_undecided(entity)

    def is_undecided(self, entity: tuple[str, str]) -> bool:
        """Return whether an entity has a status and its state is not known."""
        status = self.statuses.get(entity)
        return status is not None and status.status in UNDECIDED and status.reason not in DECIDED

    @cached_property
    def undecided_keys(self) -> frozenset[str]:
        """The link keys of the customers and subscriptions that are undecided."""
        families = [(kind, id) for kind, id in self.statuses if kind in (EntityKind.CUSTOMER, EntityKind.SUBSCRIPTION)]
        return frozenset(self.inputs.link_key(*entity) for entity in families if self.is_undecided(entity))


def deleted_products(inputs: Inputs, claims: Iterable[Claim]) -> list[EntityStatus]:
    """Packages with a linked product that Stripe no longer has: nothing of them is made again by itself."""
    gone = {
        claim.entity: inputs.links.ids[claim.key]
        for claim in claims
        if claim.kind == PRODUCT and is_gone(inputs, claim.key)
    }
    detail = "The product {} was deleted in Stripe; unlink it to have it made again."
    return [
        EntityStatus(*entity, Status.ERROR, ReasonCode.DELETED_IN_STRIPE, detail.format(id), id)
        for entity, id in gone.items()
        if entity is not None
    ]


def is_gone(inputs: Inputs, key: str) -> bool:
    id = inputs.links.ids.get(key)
    product = inputs.stripe.products.get(id) if id else None
    return id is not None and (product is None or product.deleted)
