"""What becomes of a Stripe subscription whose Stigg subscription has ended (BILLING 7).

Stigg ends a subscription when its plan changes, and the one that follows may have another id: the Stripe subscription
goes on under it. It is decided only from a complete extract, in which all of a customer's subscriptions were read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from stripe_sync.domain.actual.stripe_objects import GONE
from stripe_sync.domain.model.inputs import ENDED, Inputs
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stigg_status import StiggStatus

SAME_MOMENT = timedelta(minutes=1)
UPGRADE, DETACHED = "UpgradeOrDowngrade", "DetachBilling"


class Resolution(StrEnum):
    """Resolution for a subscription in Stripe whose Stigg subscription ended: another one takes it, it is canceled, or it stays as it is."""

    MOVES = "moves"
    CANCELLED = "cancelled"
    FROZEN = "frozen"


@dataclass(frozen=True)
class Fate:
    """``moves`` to the subscription ``to``; is to be ``cancelled``; is ``frozen`` for a person. ``why`` is a sentence."""

    kind: Resolution
    why: str
    to: str | None = None


def fates(inputs: Inputs) -> dict[str, Fate]:
    """The fate of each subscription that Stripe still bills and that ended in Stigg, or is free or custom there by now."""
    groups: dict[str, list[Subscription]] = defaultdict(list)  # by customer, and by the Stripe ids that they name
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
            result[id] = fate(inputs, subscription, others, stripe_id)
        elif subscription.is_free():
            result[id] = Fate(Resolution.CANCELLED, "It is free in Stigg by now.")
        elif subscription.is_custom():
            result[id] = Fate(
                Resolution.FROZEN, "It is at a custom price in Stigg by now; a person decides what Stripe bills."
            )
    return without_rivals(result)


def billed(inputs: Inputs, subscription: Subscription) -> str | None:
    """The Stripe subscription that is linked to one of Stigg's and still bills."""
    id = inputs.links.ids.get(inputs.link_key("subscription", subscription.subscription_id))
    found = inputs.stripe.subscriptions.get(id or "")
    return found.id if found is not None and found.status not in GONE else None


def fate(inputs: Inputs, ended: Subscription, others: Iterable[Subscription], stripe_id: str) -> Fate:
    """One ended subscription's fate, from what follows it."""
    found, last = heirs(ended, list(others), stripe_id)
    if len(found) > 1:
        ids = ", ".join(sorted(s.subscription_id for s in found))
        return Fate(Resolution.FROZEN, f"It ended in Stigg, and {ids} may each follow it; a person decides.")
    if not found:
        if any(s.cancel_reason == UPGRADE for s in last):
            return Fate(
                Resolution.FROZEN, "It ended in Stigg by a change of plan, and what follows it was not found yet."
            )
        reasons = sorted({s.cancel_reason or s.status for s in last})
        return Fate(Resolution.CANCELLED, f"It ended in Stigg ({', '.join(reasons)}) and nothing follows it.")
    heir = found[0]
    if heir.is_free():
        return Fate(
            Resolution.CANCELLED, f"It ended in Stigg, and the free subscription {heir.subscription_id} follows it."
        )
    if heir.is_custom():
        return Fate(
            Resolution.FROZEN,
            f"{heir.subscription_id} follows it at a custom price; a person decides what Stripe bills.",
        )
    if heir.status == StiggStatus.IN_TRIAL:
        return Fate(
            Resolution.FROZEN, f"{heir.subscription_id} follows it and is in trial; a person decides what Stripe bills."
        )
    if billed(inputs, heir) is not None:
        return Fate(
            Resolution.FROZEN,
            f"{heir.subscription_id} follows it and has another Stripe subscription; a person decides.",
        )
    return Fate(Resolution.MOVES, f"{heir.subscription_id} follows it.", heir.subscription_id)


def heirs(
    ended: Subscription, others: list[Subscription], stripe_id: str
) -> tuple[list[Subscription], list[Subscription]]:
    """Return the living subscriptions that follow an ended one, and those that ended and that nothing follows.

    Those in between ended as well: a change of plan, and an end of what it made, may lie between two extracts.
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
    """Return whether one follows another: it names the Stripe subscription, or begins where the other ended.

    A change of plan may take a minute. Whatever its reason, one that ended in the very second in which a paid one of the
    same customer and resource began was replaced by it: Stigg has one of them at a time (SB 18.8). One at a custom price
    may have begun as a paid one.
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
    """Return (customer, resource), of which Stigg has one active subscription that is no trial."""
    return subscription.customer.customer_id, resource_of(subscription)


def may_replace(subscription: Subscription) -> bool:
    return not subscription.is_free() and subscription.status != StiggStatus.IN_TRIAL


def product_of(subscription: Subscription) -> str | None:
    return subscription.plan.product.ref_id if subscription.plan.product else None


def resource_of(subscription: Subscription) -> str | None:
    return subscription.resource.resource_id if subscription.resource else None


def without_rivals(found: Mapping[str, Fate]) -> dict[str, Fate]:
    """Two Stripe subscriptions cannot both go on under one of Stigg's: both are frozen."""
    claims: dict[str, list[str]] = defaultdict(list)
    for id, one in found.items():
        if one.to is not None:
            claims[one.to].append(id)
    rivals = {id for ids in claims.values() if len(ids) > 1 for id in ids}
    return {
        id: Fate(Resolution.FROZEN, f"{one.to} follows it and another as well; a person decides.")
        if id in rivals
        else one
        for id, one in found.items()
    }


def moved(inputs: Inputs, found: Mapping[str, Fate]) -> dict[str, str]:
    """The links that move: the link key of the ended subscription, to that of the one that follows."""
    return {
        inputs.link_key("subscription", id): inputs.link_key("subscription", one.to)
        for id, one in found.items()
        if one.to is not None
    }


def detached(inputs: Inputs) -> list[str]:
    """Linked subscriptions that Stigg ended because its billing integration was removed: nothing of it is a wish to end."""
    return [
        s.subscription_id
        for s in inputs.stigg.subscriptions
        if s.cancel_reason == DETACHED and billed(inputs, s) is not None
    ]
