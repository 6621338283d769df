"""The moment at which a charge ended, and the side that ended it (BILLING 7). Pure."""

from __future__ import annotations

from datetime import datetime

from stripe_sync.core.clock import from_epoch
from stripe_sync.domain.actual.stigg_end import dated_end, is_unpaid
from stripe_sync.domain.actual.stripe_objects import CANCEL_AT, ENDED_STATUSES
from stripe_sync.domain.model.inputs import ENDED, Inputs
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.domain.usage.windows import TermsRevision


def ended(inputs: Inputs, subscription: str, last: TermsRevision) -> tuple[datetime, str] | None:
    """Return the end of a charge that is no longer there (UTC) and the side that ended it; None while that is not certain."""
    held = inputs.stripe.subscriptions.get(subscription)
    key = inputs.links.keys.get(subscription)
    if held is None or key is None:
        return None
    stigg = next(
        (s for s in inputs.stigg.subscriptions if inputs.link_key("subscription", s.subscription_id) == key), None
    )
    if held.status in ENDED_STATUSES:
        moment = from_epoch(held.ended_at) if held.ended_at else inputs.now
        end = last_use(inputs, stigg) if stigg is not None else None
        moment = max(min(moment, end), last.since) if end is not None else moment
        return moment, "stigg" if is_billed_after(inputs, held, stigg) else "stripe"
    if stigg is None:
        return None
    if stigg.status not in ENDED and still_charges(stigg, last):
        return None  # its item, or its price, is missing for now
    if (end := last_use(inputs, stigg)) is not None:
        moment = min(end, inputs.now)
    else:
        changed = [p.updated_at for p in stigg.prices or () if p.updated_at is not None]
        moment = max((m for m in changed if last.since < m <= inputs.now), default=inputs.now)
    return max(moment, last.since), "stigg"


def last_use(inputs: Inputs, subscription: Subscription) -> datetime | None:
    """Return until when the use of a subscription that ended or is free counts (UTC): Stigg's date, else when it was first seen so."""
    if not is_unpaid(subscription):
        return None
    if (dated := dated_end(inputs, subscription)) is not None:
        return from_epoch(dated)
    seen = inputs.seen.get(subscription.subscription_id)
    return from_epoch(seen.planned or seen.unpaid) if seen is not None else inputs.now


def is_billed_after(inputs: Inputs, held: StripeSubscription, stigg: Subscription | None) -> bool:
    """Return whether the last use of a subscription that is gone in Stripe is billed (BILLING 7).

    It is at an end that Stigg, or a person in Stripe, requested; not where a payment failed or the customer is deleted.
    """
    customer = inputs.stripe.customers.get(held.customer)
    reason = held.cancellation_details.reason if held.cancellation_details else None
    if reason in ("payment_failed", "payment_disputed") or (customer is not None and customer.deleted):
        return False
    by_us = held.cancel_at is not None and held.metadata.get(CANCEL_AT) == str(held.cancel_at)
    return by_us or reason == "cancellation_requested" or (stigg is not None and stigg.status in ENDED)


def still_charges(subscription: Subscription, last: TermsRevision) -> bool:
    """Return whether Stigg still bills usage of a charge's feature, also without its price or its item in Stripe."""
    parts = [*(subscription.prices or ()), *(subscription.addons or ())]
    return any(
        part.price is not None
        and part.price.feature is not None
        and part.price.feature.ref_id == last.measured.feature
        and part.price.billing_model == "USAGE_BASED"
        for part in parts
    )
