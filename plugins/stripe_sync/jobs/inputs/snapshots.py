"""Snapshots as typed, immutable views. An unreadable row becomes an error of its entity; all others are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from stripe_sync.core import keys
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model import stigg, stripe
from stripe_sync.domain.model.inputs import StiggView, StripeView
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.model.stigg import Coupon, Customer, Package, Product, Subscription
from stripe_sync.domain.model.stripe import StripeCoupon, StripeCustomer, StripePrice, StripeProduct
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.warehouse.snapshots.readers import Reader

Entity = TypeVar("Entity", bound=stigg.Stigg)
Object = TypeVar("Object", bound=stripe.Stripe)


def stigg_view(read_kind: Reader, quarantined: Iterable[tuple[str, str, str]]) -> StiggView:
    """Return Stigg's entities; quarantined and unreadable rows are in ``broken``."""
    kept_back = [EntityStatus(kind, id, Status.ERROR, ReasonCode.QUARANTINED, rule) for kind, id, rule in quarantined]
    left_out = {(s.kind, s.id) for s in kept_back}

    def read(kind: str, entity: type[Entity]) -> tuple[list[Entity], list[EntityStatus]]:
        """Return (the entities of a kind, the statuses of rows that cannot be read)."""
        found: list[Entity] = []
        broken: list[EntityStatus] = []
        for row in read_kind(kind):
            id = row.stigg_id
            if (kind, id) in left_out:
                continue
            try:
                found.append(row.as_entity(entity))
            except EntityError as failure:
                broken.append(EntityStatus(kind, id, Status.ERROR, ReasonCode(failure.reason), failure.detail))
        return found, broken

    products, broken_products = read("product", Product)
    plans, broken_plans = read("plan", Package)
    addons, broken_addons = read("addon", Package)
    customers, broken_customers = read("customer", Customer)
    subscriptions, broken_subscriptions = read("subscription", Subscription)
    coupons, broken_coupons = read("coupon", Coupon)
    packages = (*broken_products, *broken_plans, *broken_addons)
    broken = (*kept_back, *packages, *broken_customers, *broken_subscriptions, *broken_coupons)
    return StiggView(products, plans, addons, customers, subscriptions, broken, coupons)


def stripe_view(read_kind: Reader, known: Mapping[str, str]) -> tuple[StripeView, list[EntityStatus]]:
    """Return (Stripe's objects by id, statuses of entities with an unreadable object); ``known`` has link keys by id."""
    broken: list[EntityStatus] = []

    def read(kind: str, shape: type[Object]) -> dict[str, Object]:
        found: dict[str, Object] = {}
        for row in read_kind(kind):
            if row.is_deleted and kind in ("price", "subscription", "coupon"):
                continue
            try:
                found[row.stripe_id] = row.as_object(shape)
            except EntityError as failure:
                if row.stripe_id in known:
                    broken.append(status_of(known[row.stripe_id], failure))
        return found

    invoices = read("invoice", StripeInvoice)
    view = StripeView(
        read("product", StripeProduct),
        read("price", StripePrice),
        read("customer", StripeCustomer),
        read("subscription", StripeSubscription),
        read("coupon", StripeCoupon),
        {id: invoice for id, invoice in invoices.items() if invoice.status != InvoiceStatus.OPEN},
        {id: invoice for id, invoice in invoices.items() if invoice.status == InvoiceStatus.OPEN},
    )
    return view, broken


def status_of(key: str, failure: EntityError) -> EntityStatus:
    """Return the error status of the entity of a link key; a subscription-specific price belongs to its subscription."""
    kind, id = keys.entity_of(keys.owner(key) or key)
    return EntityStatus(kind, id, Status.ERROR, ReasonCode(failure.reason), failure.detail)


def without(view: StiggView, broken: Iterable[EntityStatus]) -> StiggView:
    """Return the view without the entities that are unreadable on the other side."""
    also = list(broken)
    gone = {(s.kind, s.id) for s in also}
    if not gone:
        return view

    def kept(kind: str, id: str) -> bool:
        return (kind, id) not in gone

    return replace(
        view,
        plans=[p for p in view.plans if kept("plan", p.ref_id)],
        addons=[a for a in view.addons if kept("addon", a.ref_id)],
        coupons=[c for c in view.coupons if kept("coupon", c.ref_id)],
        customers=[c for c in view.customers if kept("customer", c.customer_id)],
        subscriptions=[s for s in view.subscriptions if kept("subscription", s.subscription_id)],
        broken=[*view.broken, *also],
    )
