"""Inputs of a comparison by partition: the catalog, then batches of related customers, each together with the catalog."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from stripe_sync.core import keys
from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import EntityError
from stripe_sync.domain.actual.actual_state import expanded
from stripe_sync.domain.actual.stigg_end import undated
from stripe_sync.domain.model.inputs import Inputs, Links, StiggView, StripeView
from stripe_sync.domain.model.seen import Seen
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.jobs.inputs.snapshots import stigg_view, stripe_view, without
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.reconcile import CheckedMirrors, ExtractedStripe
from stripe_sync.warehouse import step_results
from stripe_sync.warehouse.comparisons import link_suggestions, links
from stripe_sync.warehouse.snapshots import snapshots
from stripe_sync.warehouse.snapshots.families import CATALOG, Members, Place
from stripe_sync.warehouse.snapshots.readers import StoredObject, every, invoices_of, those
from stripe_sync.warehouse.writes import journal

LeftOut = Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class ComparisonContext:
    """Context of all partitions of a comparison.

    ``left_out`` are the quarantined rows as (kind, id, rule); ``copied`` are the objects whose ownership marker is on
    several objects, as (link key, Stripe id).
    """

    session: Session
    run: Run
    connection: Connection
    place: Place
    left_out: LeftOut
    exempt: frozenset[str]
    copied: Sequence[tuple[str, str]]


def context_of(
    session: Session, run: Run, connection: Connection, place: Place, *, checked_by: str
) -> ComparisonContext:
    """Return the context of a comparison; quarantined rows are those of the run ``checked_by``."""
    checked = step_results.find_in(connection, place.environment, checked_by, CheckedMirrors)
    extracted = step_results.find_in(connection, place.environment, checked_by, ExtractedStripe)
    return ComparisonContext(
        session,
        run,
        connection,
        place,
        left_out=checked.quarantined if checked else (),
        exempt=link_suggestions.ignored(connection, place.environment),
        copied=extracted.candidates if extracted else (),
    )


def catalog_inputs(context: ComparisonContext) -> Inputs:
    """Return the catalog of both sides. Prices and coupons in Stripe are loaded only where they are linked or in Stigg."""
    connection, place = context.connection, context.place
    known = links.of_catalog(connection, place.environment)
    left_out = [row for row in context.left_out if row[0] in CATALOG]
    stigg = stigg_view(every(connection, place.stigg, CATALOG), left_out)
    ids = set(known.values()) | named(stigg)
    products = every(connection, place.stripe)
    by_id = those(connection, place.stripe, {"price": ids, "coupon": ids})

    def rows(kind: str) -> Iterable[StoredObject]:
        return products(kind) if kind == "product" else by_id(kind)

    stripe, unreadable = stripe_view(rows, {id: key for key, id in known.items()})
    return Inputs(
        context.session.environment,
        without(stigg, unreadable),
        stripe,
        Links(known, links.retired_coupons(connection, place.environment, ids), context.exempt),
        context.session.signer,
        context.run.now,
    )


def named(stigg: StiggView) -> set[str]:
    """Return the billing ids of the catalog in Stigg."""
    packages = [package for _, package in stigg.packages()]
    prices = [price for package in packages for price in [*(package.prices or ()), *(package.overage_prices or ())]]
    return {one.billing_id for one in [*packages, *prices, *stigg.coupons] if one.billing_id}


def family_inputs(context: ComparisonContext, catalog: Inputs, members: Members) -> tuple[Inputs, StripeView]:
    """Return (the inputs of the catalog and of some members, the Stripe objects of these members alone)."""
    connection, place = context.connection, context.place
    ids = {"customer": members.customers, "subscription": members.subscriptions}
    left_out = [row for row in context.left_out if row[1] in ids.get(row[0], ())]
    stigg = stigg_view(those(connection, place.stigg, ids), left_out)
    owners = members.owners(place)
    own = links.of_owners(connection, place.environment, owners)
    their_ids = set(own.values()) | prices_named(stigg.subscriptions)
    by_id = those(
        connection,
        place.stripe,
        {
            "customer": members.stripe,
            "subscription": members.stripe,
            "price": their_ids - catalog.stripe.prices.keys(),
            "coupon": their_ids - catalog.stripe.coupons.keys(),
        },
    )

    def rows(kind: str) -> Iterable[StoredObject]:
        return invoices_of(connection, place.stripe, members.stripe) if kind == "invoice" else by_id(kind)

    theirs, unreadable = stripe_view(rows, {id: key for key, id in own.items()})
    seen = (members.stripe | referred(theirs.subscriptions.values())) - catalog.links.keys.keys()
    ids_of = {**links.of_ids(connection, place.environment, seen), **own}
    stigg = without(stigg, unreadable)
    inputs = replace(
        catalog,
        stigg=replace(catalog.stigg, customers=stigg.customers, subscriptions=stigg.subscriptions, broken=stigg.broken),
        stripe=replace(
            theirs,
            products=catalog.stripe.products,
            prices={**catalog.stripe.prices, **theirs.prices},
            coupons={**catalog.stripe.coupons, **theirs.coupons},
        ),
        links=replace(
            catalog.links,
            ids={**catalog.links.ids, **ids_of},
            retired={**catalog.links.retired, **links.retired_coupons(connection, place.environment, seen)},
        ),
        suggestions=dict(catalog.suggestions),
        seen=seen_unpaid(context, stigg.subscriptions, ids_of),
        ended_by_us=ended_by_us(context, theirs.subscriptions.values(), ids_of),
    )
    return inputs, theirs


def seen_unpaid(
    context: ComparisonContext, subscriptions: Iterable[Subscription], linked: Collection[str]
) -> dict[str, Seen]:
    """Return the last paid state of free or ended subscriptions without a date, by id; ``linked`` are link keys."""
    settings = context.session.environment
    late = timedelta(minutes=settings.stigg.scan_minutes if settings.stigg.feed else 0)
    name = keys.part(settings.name)
    billed = [s for s in subscriptions if keys.link_key("subscription", name, keys.part(s.subscription_id)) in linked]
    ids = undated(billed, now=epoch(context.run.now))
    return snapshots.seen_unpaid(context.connection, context.place.stigg, ids, late=late)


def ended_by_us(
    context: ComparisonContext, subscriptions: Iterable[StripeSubscription], linked: Mapping[str, str]
) -> frozenset[str]:
    """Return the ids of the canceled subscriptions that our own writes ended; ``linked`` has ids by link key."""
    canceled = {s.id for s in subscriptions if s.status == SubscriptionStatus.CANCELED}
    keys_of = {key: id for key, id in linked.items() if id in canceled}
    return journal.canceled(context.connection, context.place.environment, keys_of) if keys_of else frozenset()


def prices_named(subscriptions: Iterable[Subscription]) -> set[str]:
    """Return the billing ids of the prices of subscriptions' charges."""
    parts = [part for s in subscriptions for part in [*(s.prices or ()), *(s.addons or ())]]
    return {part.price.billing_id for part in parts if part.price is not None and part.price.billing_id}


def referred(subscriptions: Iterable[StripeSubscription]) -> set[str]:
    """Return the ids of the prices and coupons of Stripe subscriptions."""
    found: set[str] = set()
    for subscription in subscriptions:
        found |= {item.price.id for item in subscription.items.data}
        try:
            found |= {id for discount in expanded(subscription) if (id := discount.source.coupon_id())}
        except EntityError:
            continue  # reported when the subscription is compared
    return found


def copied_of(context: ComparisonContext, owners: Collection[str] | None) -> list[tuple[str, str, str]]:
    """Return (link key, Stripe id, reason) of objects with a copied ownership marker, of these owners; None means the catalog."""
    return [
        (key, id, "its ownership marker is on several objects")
        for key, id in context.copied
        if (keys.owner(key) in owners if owners is not None else not keys.owner(key))
    ]


def with_links(inputs: Inputs, found: Mapping[str, str]) -> Inputs:
    """Return the inputs with additional links."""
    return replace(inputs, links=replace(inputs.links, ids={**inputs.links.ids, **found})) if found else inputs
