"""The whole desired state of one environment: every claim of both sides and the status of every entity."""

from __future__ import annotations

from collections.abc import Mapping

from stripe_sync import keys
from stripe_sync.desired.cancellations import in_stigg
from stripe_sync.desired.catalog import catalog
from stripe_sync.desired.coupons import coupons
from stripe_sync.desired.customers import customers
from stripe_sync.desired.found import found
from stripe_sync.desired.inputs import Desired, Inputs
from stripe_sync.desired.subscriptions import subscriptions
from stripe_sync.desired.successors import fates
from stripe_sync.model.documents import COUPON, PRICE, PRICE_VERSION, PRODUCT, STIGG_SUBSCRIPTION, Claim
from stripe_sync.model.status import EntityStatus, Reason, Status

UNDECIDED = (Status.ERROR, Status.PENDING)


def desired(inputs: Inputs) -> Desired:
    """What is wanted and what was found.

    A key whose entity could not be decided (ERROR, or PENDING for a reason of its own) is in neither: it is not drift
    that something is there, or not there, while nobody knows what should be.
    """
    made = catalog(inputs)
    coupon_claims, coupon_statuses = coupons(inputs)
    customer_claims, customer_statuses = customers(inputs)
    by_customer = {s.id: s for s in [*customer_statuses, *inputs.stigg.broken] if s.kind == "customer"}
    subscription_claims, subscription_statuses = subscriptions(
        inputs,
        made,
        by_customer,
        catalog_coupons={c.entity[1]: c.key for c in coupon_claims if c.entity},
        fates=fates(inputs),
    )
    lost, lost_statuses = deleted_products(inputs, made.claims)
    catalog_claims = [c for c in made.claims if c.key not in lost]
    wanted = [*catalog_claims, *coupon_claims, *customer_claims, *once_each(subscription_claims)]
    all_statuses = [
        *made.statuses, *coupon_statuses, *customer_statuses, *subscription_statuses, *inputs.stigg.broken,
        *lost_statuses,
    ]  # fmt: skip
    statuses = {(s.kind, s.id): s for s in all_statuses}
    decidable = Decidable(inputs, wanted, statuses)
    there = [*found(inputs), *in_stigg(inputs)]
    return Desired(wanted, [claim for claim in there if decidable.holds(claim)], statuses)


def once_each(claims: list[Claim]) -> list[Claim]:
    """The claims without repetition: two applications of one coupon may want the same object."""
    return list({claim.key: claim for claim in claims}.values())


class Decidable:
    """Which of the objects that were found may be compared."""

    def __init__(self, inputs: Inputs, wanted: list[Claim], statuses: Mapping[tuple[str, str], EntityStatus]) -> None:
        self.claimed = {claim.key for claim in wanted}
        undecided = [s for s in statuses.values() if s.status in UNDECIDED and s.reason is not Reason.WAITS_FOR_WRITE]
        self.keys = {inputs.link_key(s.kind, s.id) for s in undecided if s.kind in ("customer", "subscription")}
        self.entities = {(s.kind, s.id) for s in undecided}
        self.seen = set(statuses)
        waiting = [s for s in statuses.values() if s.reason is Reason.WAITS_FOR_WRITE]
        self.current = {(s.kind, keys.part(s.id)) for s in waiting if s.kind in ("plan", "addon")}
        archived = [s for s in statuses.values() if s.reason is Reason.ARCHIVED]
        self.archived = {(s.kind, keys.part(s.id)) for s in archived}

    def holds(self, claim: Claim) -> bool:
        """What is wanted is compared; what is not, only where it is known for certain that nothing wants it."""
        if claim.key in self.claimed:
            return True
        if claim.kind in (PRICE, PRICE_VERSION):
            owner = keys.subscription_of(claim.key)
            free = owner is None or self.is_decided(("subscription", owner))
            return free and keys.package_of(claim.key) in self.current
        if claim.kind == PRODUCT:
            kind, ref = keys.package_of(claim.key)
            return (kind, keys.unescaped(ref)) not in self.entities and (kind, ref) not in self.archived
        if claim.kind == STIGG_SUBSCRIPTION:
            return False
        if claim.kind == COUPON:
            return self.is_decided(keys.entity_of(claim.key))
        return claim.key not in self.keys

    def is_decided(self, entity: tuple[str, str]) -> bool:
        """Whether Stigg shows an entity, and its state is known: what it does not show at all decides nothing."""
        return entity in self.seen and entity not in self.entities


def deleted_products(inputs: Inputs, claims: list[Claim]) -> tuple[set[str], list[EntityStatus]]:
    """Packages with a linked product that Stripe no longer has: nothing of them is made again by itself."""
    gone = {
        claim.entity: inputs.links.ids[claim.key]
        for claim in claims
        if claim.kind == PRODUCT and is_gone(inputs, claim.key)
    }
    statuses = [
        EntityStatus(
            *entity,
            Status.ERROR,
            Reason.DELETED_IN_STRIPE,
            f"The product {id} was deleted in Stripe; unlink it to have it made again.",
            id,
        )
        for entity, id in gone.items()
        if entity is not None
    ]
    return {claim.key for claim in claims if claim.entity in gone}, statuses


def is_gone(inputs: Inputs, key: str) -> bool:
    id = inputs.links.ids.get(key)
    product = inputs.stripe.products.get(id) if id else None
    return id is not None and (product is None or product.deleted)
