"""Successors of ended Stigg subscriptions, and the resolution of their Stripe subscriptions (BILLING 7).

Stigg ends a subscription when its plan changes, and the successor may have another id: the Stripe subscription continues
under it. The decision requires a complete extract with all subscriptions of a customer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.domain.model.inputs import ENDED, Inputs
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stigg_status import StiggStatus

SAME_MOMENT = timedelta(minutes=1)
UPGRADE, DETACHED = "UpgradeOrDowngrade", "DetachBilling"
CHARGES_ON = "Stripe goes on charging the old price. Set in Stripe what it bills, or cancel it there."


class Resolution(StrEnum):
    """Resolution for a subscription in Stripe whose Stigg subscription ended: another one takes it, it is canceled, or it stays as it is."""

    RELINKED = "moves"
    CANCELLED = "cancelled"
    NEEDS_REVIEW = "frozen"


@dataclass(frozen=True)
class SubscriptionResolution:
    """Resolution of a Stripe subscription: ``moves`` to ``to``, ``cancelled``, or kept until a manual review. ``why`` is a message."""

    kind: Resolution
    why: str
    to: str | None = None


def resolutions(inputs: Inputs) -> dict[str, SubscriptionResolution]:
    """Return the resolution of each subscription that Stripe still bills and that has ended, is free or is custom in Stigg."""
    groups: dict[str, list[Subscription]] = defaultdict(list)  # by customer, and by Stripe id
    for subscription in inputs.stigg.subscriptions:
        names = {subscription.customer.customer_id, subscription.billing_id, subscription.old_billing_id}
        for name in filter(None, names):
            groups[name].append(subscription)
    result = {}
    for subscription in inputs.stigg.subscriptions:
        id, stripe_id = subscription.subscription_id, billed(inputs, subscription)
        if stripe_id is None:
            continue
        if subscription.status in ENDED:
            others = [*groups[subscription.customer.customer_id], *groups.get(stripe_id, ())]
            result[id] = resolve(inputs, subscription, others, stripe_id)
        elif subscription.is_free():
            result[id] = SubscriptionResolution(Resolution.CANCELLED, "It is free in Stigg by now.")
        elif subscription.is_custom():
            result[id] = SubscriptionResolution(
                Resolution.NEEDS_REVIEW,
                f"It is at a custom price in Stigg now. {CHARGES_ON}",
            )
    return without_conflicts(result)


def billed(inputs: Inputs, subscription: Subscription) -> str | None:
    """Return the id of the linked Stripe subscription if it is not ended, else None."""
    id = inputs.links.ids.get(inputs.link_key("subscription", subscription.subscription_id))
    found = inputs.stripe.subscriptions.get(id or "")
    return found.id if found is not None and found.status not in ENDED_STATUSES else None


def resolve(
    inputs: Inputs, ended: Subscription, others: Iterable[Subscription], stripe_id: str
) -> SubscriptionResolution:
    """Return the resolution of one ended subscription, from its successors."""
    found, last = successors_of(ended, list(others), stripe_id)
    if len(found) > 1:
        ids = ", ".join(sorted(s.subscription_id for s in found))
        return SubscriptionResolution(
            Resolution.NEEDS_REVIEW,
            f"It ended in Stigg, and {ids} may each follow it. Link one of them, or cancel it in Stripe.",
        )
    if not found:
        if any(s.cancel_reason == UPGRADE for s in last):
            return SubscriptionResolution(
                Resolution.NEEDS_REVIEW, "It ended in Stigg by a change of plan, and what follows it was not found yet."
            )
        reasons = sorted({s.cancel_reason or s.status for s in last})
        return SubscriptionResolution(
            Resolution.CANCELLED, f"It ended in Stigg ({', '.join(reasons)}) and nothing follows it."
        )
    successor = found[0]
    if successor.is_free():
        return SubscriptionResolution(
            Resolution.CANCELLED,
            f"It ended in Stigg, and the free subscription {successor.subscription_id} follows it.",
        )
    if successor.is_custom():
        return SubscriptionResolution(
            Resolution.NEEDS_REVIEW,
            f"{successor.subscription_id} follows it at a custom price. {CHARGES_ON}",
        )
    if successor.status == StiggStatus.IN_TRIAL:
        return SubscriptionResolution(
            Resolution.NEEDS_REVIEW,
            f"{successor.subscription_id} follows it and is in trial. Set in Stripe what it bills, or cancel it there.",
        )
    if billed(inputs, successor) is not None:
        return SubscriptionResolution(
            Resolution.NEEDS_REVIEW,
            f"{successor.subscription_id} follows it and has another Stripe subscription. Cancel one of them in Stripe.",
        )
    return SubscriptionResolution(
        Resolution.RELINKED, f"{successor.subscription_id} follows it.", successor.subscription_id
    )


def successors_of(
    ended: Subscription, others: list[Subscription], stripe_id: str
) -> tuple[list[Subscription], list[Subscription]]:
    """Return (current successors of an ended subscription, ended ones without a successor).

    Ended successors are followed too: several changes of plan may happen between two extracts.
    """
    found: dict[str, Subscription] = {}
    last: list[Subscription] = []
    seen, ahead = {ended.subscription_id}, [ended]
    while ahead:
        before = ahead.pop()
        after = [o for o in others if o.subscription_id not in seen and follows(before, o, stripe_id)]
        after = list({o.subscription_id: o for o in after}.values())
        seen |= {o.subscription_id for o in after}
        ahead += [o for o in after if o.status in ENDED]
        found |= {o.subscription_id: o for o in after if o.status not in ENDED}
        last += [] if after else [before]
    return list(found.values()), last


def follows(before: Subscription, after: Subscription, stripe_id: str) -> bool:
    """Return whether a subscription follows another: it has its Stripe id, or begins at its end.

    A change of plan may take a minute. A subscription that ended in the same second in which a paid one of the same customer
    and resource began was replaced by it, whatever its reason: Stigg has one of them at a time (SB 18.8). A subscription with
    a custom price may have begun as a paid one.
    """
    if stripe_id in (after.billing_id, after.old_billing_id):
        return True
    end = before.effective_end_date
    if end is None or owner_of(before) != owner_of(after):
        return False
    if before.cancel_reason == UPGRADE and product_of(before) == product_of(after):
        return abs(after.start_date - end) <= SAME_MOMENT
    replaced = after.start_date == end and before.cancel_reason != DETACHED
    return replaced and may_replace(after) and after.billing_id is None


def owner_of(subscription: Subscription) -> tuple[str, str | None]:
    """Return (customer, resource); Stigg has at most one active subscription per pair, trials excepted."""
    return subscription.customer.customer_id, resource_of(subscription)


def may_replace(subscription: Subscription) -> bool:
    """Return whether a subscription may replace another: neither free nor in trial."""
    return not subscription.is_free() and subscription.status != StiggStatus.IN_TRIAL


def product_of(subscription: Subscription) -> str | None:
    return subscription.plan.product.ref_id if subscription.plan.product else None


def resource_of(subscription: Subscription) -> str | None:
    return subscription.resource.resource_id if subscription.resource else None


def without_conflicts(found: Mapping[str, SubscriptionResolution]) -> dict[str, SubscriptionResolution]:
    """Freeze Stripe subscriptions that would move to the same Stigg subscription."""
    targets: dict[str, list[str]] = defaultdict(list)
    for id, one in found.items():
        if one.to is not None:
            targets[one.to].append(id)
    conflicts = {id for ids in targets.values() if len(ids) > 1 for id in ids}
    return {
        id: SubscriptionResolution(
            Resolution.NEEDS_REVIEW,
            f"{one.to} follows it and another as well. Link one of them, or cancel it in Stripe.",
        )
        if id in conflicts
        else one
        for id, one in found.items()
    }


def relinked(inputs: Inputs, found: Mapping[str, SubscriptionResolution]) -> dict[str, str]:
    """Return the links that move: link key of the successor by link key of the ended subscription."""
    return {
        inputs.link_key("subscription", id): inputs.link_key("subscription", one.to)
        for id, one in found.items()
        if one.to is not None
    }


def detached(inputs: Inputs) -> list[str]:
    """Return linked subscriptions that Stigg ended because its billing integration was removed; this is not a cancellation request."""
    return [
        s.subscription_id
        for s in inputs.stigg.subscriptions
        if s.cancel_reason == DETACHED and billed(inputs, s) is not None
    ]
