"""Subscription items in Stripe with usage charges: their subscriptions in Stigg and their terms.

An undetermined charge is a problem of that subscription alone: its drafts wait, all others continue (invariant 8).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from stripe_sync.core import keys, periods
from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.billing_periods import anchor_of
from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.meter_units import meter_of
from stripe_sync.domain.model.stigg import Price, Subscription, SubscriptionAddon, SubscriptionPrice
from stripe_sync.domain.model.stripe_subscriptions import StripeItem, StripeSubscription
from stripe_sync.domain.target.catalog.catalog import Catalog
from stripe_sync.domain.target.catalog.prices import PriceVersion
from stripe_sync.domain.usage.terms import Terms, terms
from stripe_sync.domain.usage.windows import Measured

LONGEST_GRACE = timedelta(hours=73)  # an account can give drafts 72 hours, and some seconds more
SECOND = timedelta(seconds=1)
MADE_WITH = 300  # seconds between a subscription and the items that were made with it


@dataclass(frozen=True)
class Charge:
    """A charge for use that lives. ``name`` tells it apart in its Stripe subscription; ``began`` is when it was first billed."""

    stripe: StripeSubscription
    item: StripeItem
    name: str
    terms: Terms
    measured: Measured
    began: datetime
    changed: datetime | None


@dataclass(frozen=True)
class Problem:
    """Why a charge of a subscription (Stigg's id) cannot be counted."""

    subscription: str
    stripe_subscription: str
    reason: ReasonCode
    detail: str


def charges(inputs: Inputs, catalog: Catalog) -> tuple[list[Charge], list[Problem]]:
    """The living charges of all linked subscriptions, and what is wrong with others."""
    found: list[Charge] = []
    problems: list[Problem] = []
    for subscription in inputs.stigg.subscriptions:
        held = held_by(inputs, subscription)
        if held is None or subscription.status != "ACTIVE":
            continue
        for price, included, changed in used_prices(subscription, catalog):
            version = catalog.versions[price.id]
            item = item_of(inputs, held, version, catalog.metered.get(price.id))
            if item is None:
                continue
            try:
                found.append(charge(inputs, subscription, held, item, price, version, included, changed))
            except EntityError as failure:
                problems.append(Problem(subscription.subscription_id, held.id, failure.reason, failure.detail))
    alone, shared = ambiguous(found)
    return alone, [*problems, *shared]


def held_by(inputs: Inputs, subscription: Subscription) -> StripeSubscription | None:
    """Return the Stripe subscription of a Stigg subscription, if it has not ended."""
    id = inputs.links.ids.get(inputs.link_key("subscription", subscription.subscription_id))
    held = inputs.stripe.subscriptions.get(id or "")
    return held if held is not None and held.status not in ENDED_STATUSES else None


def item_of(
    inputs: Inputs, held: StripeSubscription, version: PriceVersion, metered: PriceVersion | None
) -> StripeItem | None:
    """The item of a charge, by a meter or not; where its price is to be changed, the one that it has until then."""
    linked_prices = [inputs.links.ids.get(v.key) for v in (metered, version) if v is not None]
    items = {item.price.id: item for item in held.items.data}
    exact = next((items[id] for id in linked_prices if id in items), None)
    if exact is not None:
        return exact
    same = keys.same_line_item(version.key)
    return next(
        (i for i in held.items.data if keys.same_line_item(inputs.links.keys.get(i.price.id, "@")) == same), None
    )


def used_prices(subscription: Subscription, catalog: Catalog) -> Iterator[tuple[Price, Decimal, datetime | None]]:
    """(price, what is free of it, when it was changed) of each charge for use: its own, an add-on's, an overage."""
    for part in [*(subscription.prices or ()), *(subscription.addons or ())]:
        version = catalog.versions.get(part.price.id) if part.price is not None else None
        if part.price is None or version is None or not version.usage or part.price.feature is None:
            continue
        yield part.price, limit(subscription, part, version), part.updated_at


def limit(subscription: Subscription, part: SubscriptionPrice | SubscriptionAddon, version: PriceVersion) -> Decimal:
    """Return the included units of an overage: the committed ones of the same feature, or the charge's own limit."""
    if version.variant != keys.OVERAGE or not isinstance(part, SubscriptionPrice) or part.price is None:
        return Decimal(0)
    ref = part.price.feature.ref_id if part.price.feature else ""
    for other in subscription.prices or ():
        of = other.price.feature.ref_id if other.price and other.price.feature else None
        if of == ref and other is not part and other.usage_limit is not None:
            return other.usage_limit
    return part.usage_limit or Decimal(0)


def charge(
    inputs: Inputs,
    subscription: Subscription,
    held: StripeSubscription,
    item: StripeItem,
    price: Price,
    version: PriceVersion,
    included: Decimal,
    changed: datetime | None,
) -> Charge:
    """One charge. Raises EntityError where its terms are not known."""
    assert price.feature is not None, "a charge for use is of a feature"
    own = terms(inputs, subscription, price, version, included=included)
    chosen = inputs.environment.usage.meters.get(price.feature.ref_id)
    meter = meter_of(own.amounts(), inputs.stripe.prices.get(item.price.id), preferred=chosen.decimals if chosen else 0)
    measured = Measured(
        subscription=subscription.subscription_id,
        customer=subscription.customer.customer_id,
        feature=price.feature.ref_id,
        resource=subscription.resource.resource_id if subscription.resource else None,
        item=item.id,
    )
    return Charge(
        stripe=held,
        item=item,
        name=keys.feature_part(price.feature.ref_id) + version.variant,
        terms=msgspec.structs.replace(own, meter=meter),
        measured=measured,
        began=began(held, item, changed, inputs.now),
        changed=changed,
    )


def began(held: StripeSubscription, item: StripeItem, changed: datetime | None, now: datetime) -> datetime:
    """Return the time since which an item is billed: the start of its subscription, or of its charge in Stigg.

    Use before the end of a trial is not billed (BILLING 14); the end may be in the future. An item that is older than its
    current period was billed externally before that period, except for the period before it while its draft may still be
    open.
    """
    with_it = item.created <= held.created + MADE_WITH
    first = held.start_date if with_it else item.created
    if not with_it and changed is not None and item.current_period_start <= epoch(changed) <= item.created:
        first = epoch(changed)
    known = from_epoch(item.current_period_start)
    if now - known < LONGEST_GRACE:
        known = min(
            known, periods.boundary_before(anchor_of(held, billing_interval(item)), billing_interval(item), known)
        )
    return max(from_epoch(first), known, from_epoch(held.trial_end or 0))


def billing_interval(item: StripeItem) -> str:
    """Return the billing interval of an item, in Stigg's word."""
    interval = item.price.recurring.interval if item.price.recurring else ""
    return next((name for name, found in periods.INTERVALS.items() if found == interval), "MONTHLY")


def period_boundaries(charge: Charge, bounds: set[datetime]) -> set[datetime]:
    """Return the renewals that end a period of this charge; items of other billing intervals have their own."""
    intervals = {billing_interval(item) for item in charge.stripe.items.data}
    if len(intervals) == 1:
        return bounds
    own = billing_interval(charge.item)
    anchor = anchor_of(charge.stripe, own)
    known = {from_epoch(charge.item.current_period_start), from_epoch(charge.item.current_period_end)}
    return {b for b in bounds if b in known or periods.next_boundary(anchor, own, b - SECOND) == b}


def ambiguous(found: Iterable[Charge]) -> tuple[list[Charge], list[Problem]]:
    """The charges that alone bill their customer's feature and resource, and those that share it with another."""
    by_use: dict[tuple[str, str, str | None], list[Charge]] = defaultdict(list)
    for charge in found:
        m = charge.measured
        by_use[(m.customer, m.feature, m.resource)].append(charge)
    alone, shared = [], []
    for same in by_use.values():
        if len({c.stripe.id for c in same}) == 1:
            alone += same
            continue
        ids = ", ".join(sorted(c.measured.subscription for c in same))
        for c in same:
            detail = f"{ids} each bill {c.measured.feature} of {c.measured.customer}; only one of them may."
            shared.append(Problem(c.measured.subscription, c.stripe.id, ReasonCode.USAGE_AMBIGUOUS, detail))
    return alone, shared
