"""Coupons, and the discounts of subscriptions (BILLING 4).

A coupon's content is immutable in Stripe: changed content is a new coupon. A subscription has the coupon's content at the
time of its application; it gets the catalog's coupon if that is equal, else a subscription-specific one. A coupon is attached
at most once per subscription: its token is written into ``stiggOnce`` in the same call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stripe_sync.core import keys, money, ownership
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.actual_state import expanded, one_off_tokens
from stripe_sync.domain.actual.stripe_objects import DecodingContext
from stripe_sync.domain.model.documents import COUPON, ObjectDocument, compact
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.model.stigg import Coupon, Subscription, SubscriptionCoupon
from stripe_sync.domain.model.stigg_status import CouponStatus
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.domain.target import coupon_months
from stripe_sync.domain.target.catalog import display_names
from stripe_sync.domain.target.catalog.catalog import own_metadata
from stripe_sync.domain.target.catalog.prices import content_hash
from stripe_sync.domain.target.coupon_months import Renewals, renewals_of

Content = Mapping[str, Any]


@dataclass(frozen=True)
class KnownDiscounts:
    """Existing discounts of a subscription: link key of the coupon by refId, and the tokens of attached coupons.

    ``ends`` are the ends of the discounts by refId, Unix seconds. ``untold``: the subscription was created externally, which
    also attached its coupons.
    """

    live: Mapping[str, str]
    once: Iterable[str] = ()
    untold: bool = False
    ends: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Discounts:
    """Target discounts of a subscription: refIds, and tokens of attached and new coupons.

    ``coupons`` are the link keys of coupons to attach, by refId; ``own`` the targets of subscription-specific coupons.
    """

    refs: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    coupons: Mapping[str, str] = field(default_factory=dict)
    own: tuple[ObjectDocument, ...] = ()


def coupons(inputs: Inputs) -> tuple[list[ObjectDocument], list[EntityStatus]]:
    """Return (targets of the active coupons of the catalog, statuses of all)."""
    targets, statuses = [], []
    for coupon in inputs.stigg.coupons:
        refused = refusal(coupon)
        if refused is None:
            try:
                targets.append(catalog_coupon_target(inputs, coupon))
            except EntityError as failure:
                refused = status(coupon, Status.ERROR, ReasonCode(failure.reason), failure.detail)
        statuses.append(refused or status(coupon, Status.PENDING, ReasonCode.WAITS_FOR_WRITE))
    return targets, statuses


def status(coupon: Coupon, status: Status, reason: ReasonCode, detail: str = "") -> EntityStatus:
    return EntityStatus("coupon", coupon.ref_id, status, reason, detail)


def refusal(coupon: Coupon) -> EntityStatus | None:
    """Return the status of a coupon that is not in Stripe, else None. An archived one is deleted; its discounts are kept."""
    if coupon.status == CouponStatus.ARCHIVED:
        return status(coupon, Status.NO_SYNC_REQUIRED, ReasonCode.ARCHIVED)
    if coupon.source == "STRIPE":
        return status(coupon, Status.NO_SYNC_REQUIRED, ReasonCode.MADE_IN_STRIPE)
    if coupon.source == "STIGG_ADHOC":
        return status(coupon, Status.NO_SYNC_REQUIRED, ReasonCode.AD_HOC)
    return None


def catalog_coupon_target(inputs: Inputs, coupon: Coupon) -> ObjectDocument:
    made = content(f"the coupon {coupon.ref_id}", coupon)
    key = catalog_key(inputs, coupon.ref_id, made)
    return coupon_target(
        inputs, key, coupon.name, made, entity=("coupon", coupon.ref_id), about=("coupon", coupon.ref_id)
    )


def catalog_key(inputs: Inputs, ref_id: str, made: Content) -> str:
    return keys.link_key("coupon", keys.coupon_id(inputs.environment.name, ref_id, content_hash(made)))


def coupon_target(
    inputs: Inputs, key: str, name: str, made: Content, *, entity: tuple[str, str], about: tuple[str, str]
) -> ObjectDocument:
    document = compact(
        {"name": display_names.cut(name, display_names.LIMITS["coupon"]), "metadata": own_metadata(inputs, *about, key)}
    )
    return ObjectDocument(COUPON, key, document, entity, facts={"content": dict(made)})


def content(where: str, coupon: Coupon | SubscriptionCoupon) -> Content:
    """Return the immutable content of a coupon. Raises EntityError where its amount is unknown or cannot be charged."""
    months = coupon.duration_in_months
    if months is not None and (months != months.to_integral_value() or months < 1):
        raise EntityError(ReasonCode.BAD_AMOUNT, f"{where}: it lasts {months} months.")
    lasting = {"duration": "repeating", "duration_in_months": str(int(months))} if months else {"duration": "forever"}
    if coupon.type == "PERCENTAGE":
        if coupon.percent_off is None or not 0 < coupon.percent_off <= 100:
            raise EntityError(ReasonCode.BAD_AMOUNT, f"{where}: {coupon.percent_off} per cent cannot be taken off.")
        return {"percent_off": money.plain(coupon.percent_off), **lasting}
    if coupon.type != "FIXED":
        raise EntityError(ReasonCode.PRICING_MODEL_NOT_SUPPORTED, f"{where}: the type {coupon.type} is not supported.")
    if not coupon.amounts_off:
        raise EntityError(ReasonCode.BAD_AMOUNT, f"{where}: Stigg gives no amount.")
    off = {}
    for amount in coupon.amounts_off:
        minor = money.to_minor(amount.amount, amount.currency)
        if minor <= 0 or not money.is_chargeable(minor, amount.currency):
            raise EntityError(ReasonCode.BAD_AMOUNT, f"{where}: {amount.amount} {amount.currency} cannot be taken off.")
        off[amount.currency.lower()] = money.plain(minor)
    return {"amount_off": off, **lasting}


def token(applied: SubscriptionCoupon) -> str:
    """Return the token of one application of a coupon; a later application has another token."""
    return once_token("coupon", applied.ref_id, applied.start_date.isoformat() if applied.start_date else "")


def once_token(*parts: str) -> str:
    """Return a token of eight hex digits for a one-off event of a subscription."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:8]


def discounts(
    inputs: Inputs,
    subscription: Subscription,
    catalog: Mapping[str, str],
    known: KnownDiscounts,
    *,
    held: StripeSubscription | None,
) -> Discounts:
    """Return the target discounts of a subscription; ``catalog`` are the link keys of the catalog's current coupons."""
    applied, renewals = list(subscription.coupons or ()), renewals_of(inputs, subscription, held)
    removed = {c.ref_id for c in applied if c.status == CouponStatus.REMOVED} - {
        c.ref_id for c in applied if c.status == CouponStatus.ACTIVE
    }
    active = [c for c in applied if c.status == CouponStatus.ACTIVE]
    over = {c.ref_id for c in active if c.ref_id in known.live and is_over(inputs, c, known, renewals)}
    refs, once = [r for r in known.live if r not in removed | over], set(known.once)
    attach: dict[str, str] = {}
    own: list[ObjectDocument] = []
    for coupon in active:
        if is_attached(coupon, known):
            once.add(token(coupon))
            own += known_own(inputs, subscription, coupon, known) if coupon.ref_id not in over else ()
        if token(coupon) in once:
            continue
        due = coupon_months.remaining(coupon, renewals, inputs.now)
        if due is None:
            continue
        key, made = chosen(inputs, subscription, due, catalog)
        once.add(token(coupon))
        refs.append(coupon.ref_id)
        attach[coupon.ref_id] = key
        own += made
    return Discounts(tuple(sorted(refs)), tuple(sorted(once)), attach, tuple(own))


def known_discounts(inputs: Inputs, held: StripeSubscription | None) -> KnownDiscounts:
    """Return discounts and tokens of the Stripe subscription; without our ownership marker it was created externally."""
    if held is None:
        return KnownDiscounts({})
    context = DecodingContext(inputs.links.keys, inputs.signer, retired_keys=inputs.links.retired)
    live, ends = {}, {}
    for discount in expanded(held):
        ref, id = context.ref_of(discount), discount.source.coupon_id() or ""
        if ref is not None:
            live[ref] = inputs.links.keys.get(id) or inputs.links.retired.get(id) or ""
            ends[ref] = discount.end
    proven = inputs.signer.key_of(held.metadata.get(ownership.FIELD)) is not None
    return KnownDiscounts(live, tuple(one_off_tokens(held.metadata)), untold=not proven, ends=ends)


def is_attached(coupon: SubscriptionCoupon, known: KnownDiscounts) -> bool:
    """Return whether a coupon is on the subscription in Stripe, or was left to the person who made that one."""
    return coupon.ref_id in known.live or known.untold


def coupon_timers(inputs: Inputs, subscription: Subscription, held: StripeSubscription | None) -> list[datetime]:
    """Return when other months of a coupon remain to be attached, and when an attached one is taken off."""
    known, renewals = known_discounts(inputs, held), renewals_of(inputs, subscription, held)
    active = [c for c in subscription.coupons or () if c.status == CouponStatus.ACTIVE]
    kept = {*known.once, *(token(c) for c in active if is_attached(c, known))}
    changes = [m for c in active if token(c) not in kept for m in coupon_months.timers(c, renewals, inputs.now)]
    removals = [
        coupon_months.removal(c, renewals, inputs.now, discount_end=known.ends.get(c.ref_id))
        for c in active
        if not known.untold
    ]
    return [*changes, *(moment for moment in removals if moment is not None and moment > inputs.now)]


def is_over(inputs: Inputs, coupon: SubscriptionCoupon, known: KnownDiscounts, renewals: Renewals) -> bool:
    """Return whether the discount of an attached coupon is taken off before a renewal that it does not discount."""
    end = known.ends.get(coupon.ref_id)
    return not known.untold and coupon_months.is_over(coupon, renewals, inputs.now, discount_end=end)


def chosen(
    inputs: Inputs, subscription: Subscription, coupon: SubscriptionCoupon, catalog: Mapping[str, str]
) -> tuple[str, Iterator[ObjectDocument]]:
    """Return the link key of the coupon to attach, and its target if it is subscription-specific."""
    made = content(f"its coupon {coupon.ref_id}", coupon)
    shared = catalog_key(inputs, coupon.ref_id, made)
    if shared in catalog.values():
        return shared, iter(())
    id = keys.own_coupon_id(inputs.environment.name, subscription.subscription_id, coupon.ref_id, content_hash(made))
    key = keys.link_key("coupon", id)
    return key, iter([own_coupon_target(inputs, subscription, coupon, key, made)])


def own_coupon_target(
    inputs: Inputs, subscription: Subscription, coupon: SubscriptionCoupon, key: str, made: Content
) -> ObjectDocument:
    entity = ("subscription", subscription.subscription_id)
    return coupon_target(inputs, key, coupon.name or coupon.ref_id, made, entity=entity, about=entity)


def known_own(
    inputs: Inputs, subscription: Subscription, coupon: SubscriptionCoupon, known: KnownDiscounts
) -> Iterator[ObjectDocument]:
    """Yield the target of an attached subscription-specific coupon while it is applied in Stigg."""
    key = known.live.get(coupon.ref_id, "")
    if keys.LinkKey.parse(key).is_own_coupon() and key in inputs.links.ids:
        yield own_coupon_target(inputs, subscription, coupon, key, {})
