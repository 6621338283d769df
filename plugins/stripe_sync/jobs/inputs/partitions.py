"""The inputs of a comparison, part by part: the catalog, then some families at a time, each with the catalog beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from stripe_sync.core import keys
from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import RowFailed
from stripe_sync.domain.actual.stigg_end import undated
from stripe_sync.domain.actual.stripe_objects import expanded
from stripe_sync.domain.model.inputs import Inputs, Links, StiggView, StripeView
from stripe_sync.domain.model.seen import Seen
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stripe import StripeSubscription
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.jobs.inputs.snapshots import every, stigg_view, stripe_view, those, without
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.comparisons import link_suggestions, links
from stripe_sync.warehouse.snapshots import snapshots
from stripe_sync.warehouse.snapshots.families import CATALOG, Members, Place
from stripe_sync.warehouse.writes import journal

LeftOut = Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Around:
    """What all parts of a comparison have alike. ``left_out``: (kind, id, rule) of rows that are quarantined.

    ``copied``: (link key, Stripe id) of objects whose mark is on several.
    """

    session: Session
    run: Run
    connection: Connection
    place: Place
    left_out: LeftOut
    exempt: frozenset[str]
    copied: Sequence[tuple[str, str]]


def around_of(session: Session, run: Run, connection: Connection, place: Place, *, checked_by: str) -> Around:
    """What all parts have alike, with what the gate of the run ``checked_by`` left out."""
    checked = runs.result_in(connection, place.environment, checked_by, "check_mirrors") or {}
    extracted = runs.result_in(connection, place.environment, checked_by, "extract_stripe") or {}
    return Around(
        session,
        run,
        connection,
        place,
        left_out=[(row[0], row[1], row[2]) for row in checked.get("quarantined", ())],
        exempt=link_suggestions.ignored(connection, place.environment),
        copied=[(key, id) for key, id in extracted.get("candidates", ())],
    )


def catalog_inputs(around: Around) -> Inputs:
    """The catalog of both sides. Of Stripe's prices and coupons those that are linked or that Stigg names, of which there may
    be few among many.
    """
    connection, place = around.connection, around.place
    known = links.of_catalog(connection, place.environment)
    left_out = [row for row in around.left_out if row[0] in CATALOG]
    stigg = stigg_view(every(connection, place.stigg, CATALOG), left_out)
    ids = set(known.values()) | named(stigg)
    by_id = those(connection, place.stripe, {"price": ids, "coupon": ids})

    def rows(kind: str) -> Iterable[dict[str, object]]:
        return snapshots.bodies(connection, place.stripe, kind) if kind == "product" else by_id(kind)

    stripe, unreadable = stripe_view(rows, {id: key for key, id in known.items()})
    return Inputs(
        around.session.environment,
        without(stigg, unreadable),
        stripe,
        Links(known, links.retired_coupons(connection, place.environment, ids), around.exempt),
        around.session.signer,
        around.run.now,
    )


def named(stigg: StiggView) -> set[str]:
    """Stripe's ids that the catalog of Stigg names."""
    packages = [package for _, package in stigg.packages()]
    prices = [price for package in packages for price in [*(package.prices or ()), *(package.overage_prices or ())]]
    return {one.billing_id for one in [*packages, *prices, *stigg.coupons] if one.billing_id}


def family_inputs(around: Around, catalog: Inputs, members: Members) -> tuple[Inputs, StripeView]:
    """(the catalog's inputs with those of some whole families, the objects of Stripe that are theirs alone)."""
    connection, place = around.connection, around.place
    ids = {"customer": members.customers, "subscription": members.subscriptions}
    left_out = [row for row in around.left_out if row[1] in ids.get(row[0], ())]
    stigg = stigg_view(those(connection, place.stigg, ids), left_out)
    owners = members.owners(place)
    own = links.of_owners(connection, place.environment, owners)
    their_ids = set(own.values()) | prices_named(stigg.subscriptions)
    by_id = those(connection, place.stripe, {
        "customer": members.stripe, "subscription": members.stripe,
        "price": their_ids - catalog.stripe.prices.keys(), "coupon": their_ids - catalog.stripe.coupons.keys(),
    })  # fmt: skip

    def rows(kind: str) -> Iterable[dict[str, object]]:
        return snapshots.invoices_of(connection, place.stripe, members.stripe) if kind == "invoice" else by_id(kind)

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
        candidates=dict(catalog.candidates),
        seen=seen_unpaid(around, stigg.subscriptions, ids_of),
        ended_by_us=ended_by_us(around, theirs.subscriptions.values(), ids_of),
    )
    return inputs, theirs


def seen_unpaid(around: Around, subscriptions: Iterable[Subscription], linked: Collection[str]) -> dict[str, Seen]:
    """Return when those were paid for last that are free, or ended, without a date of it; ``linked`` are link keys."""
    settings = around.session.environment
    late = timedelta(minutes=settings.stigg.scan_minutes if settings.stigg.feed else 0)
    name = keys.part(settings.name)
    billed = [s for s in subscriptions if keys.link_key("subscription", name, keys.part(s.subscription_id)) in linked]
    ids = undated(billed, now=epoch(around.run.now))
    return snapshots.seen_unpaid(around.connection, around.place.stigg, ids, late=late)


def ended_by_us(
    around: Around, subscriptions: Iterable[StripeSubscription], linked: Mapping[str, str]
) -> frozenset[str]:
    """Return the ids of the canceled subscriptions that our own writes ended; ``linked`` has ids by link key."""
    canceled = {s.id for s in subscriptions if s.status == SubscriptionStatus.CANCELED}
    keys_of = {key: id for key, id in linked.items() if id in canceled}
    return journal.canceled(around.connection, around.place.environment, keys_of) if keys_of else frozenset()


def prices_named(subscriptions: Iterable[Subscription]) -> set[str]:
    """Stripe's ids of prices that the charges of subscriptions name."""
    parts = [part for s in subscriptions for part in [*(s.prices or ()), *(s.addons or ())]]
    return {part.price.billing_id for part in parts if part.price is not None and part.price.billing_id}


def referred(subscriptions: Iterable[StripeSubscription]) -> set[str]:
    """The ids of the prices and coupons that are on subscriptions of Stripe's."""
    found: set[str] = set()
    for subscription in subscriptions:
        found |= {item.price.id for item in subscription.items.data}
        try:
            found |= {id for discount in expanded(subscription) if (id := discount.source.coupon_id())}
        except RowFailed:
            continue  # said where the subscription is decided
    return found


def copied_of(around: Around, owners: Collection[str] | None) -> list[tuple[str, str, str]]:
    """(link key, Stripe id, why) of what a copied mark makes uncertain, of these owners; None: of the catalog."""
    return [
        (key, id, "its mark is on several objects")
        for key, id in around.copied
        if (keys.owner(key) in owners if owners is not None else not keys.owner(key))
    ]


def with_links(inputs: Inputs, found: Mapping[str, str]) -> Inputs:
    """The inputs with more links."""
    return replace(inputs, links=replace(inputs.links, ids={**inputs.links.ids, **found})) if found else inputs
