"""Reasons why Stripe does not bill a subscription: not eligible, not yet, or refused by Stripe (BILLING 5 and 6)."""

from __future__ import annotations

from collections.abc import Mapping

from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.cancellations import canceled_in_stripe
from stripe_sync.domain.actual.payment_processing import PaymentState, expired
from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.domain.actual.taxes import switched_off
from stripe_sync.domain.model.inputs import ENDED, Inputs
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stigg_status import StiggStatus
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.domain.target.items import Line
from stripe_sync.domain.target.payment import named_card, unpaid_of

MAX_SUBSCRIPTIONS = 500
COLLECTION = {"CHARGE": "charge_automatically", "INVOICE": "send_invoice", None: "charge_automatically"}
NOT_YET: dict[str, ReasonCode] = {
    StiggStatus.PAYMENT_PENDING: ReasonCode.PAYMENT_PENDING,
    StiggStatus.NOT_STARTED: ReasonCode.NOT_STARTED,
}


def status(
    inputs: Inputs, subscription: Subscription, status: Status, reason: ReasonCode, detail: str = ""
) -> EntityStatus:
    key = inputs.link_key("subscription", subscription.subscription_id)
    return EntityStatus("subscription", subscription.subscription_id, status, reason, detail, inputs.links.ids.get(key))


def refusal(inputs: Inputs, subscription: Subscription, key: str, customer: EntityStatus | None) -> EntityStatus | None:
    """Return the status of a current subscription that is not billed, else None; the first reason wins."""

    def no(kind: Status, reason: ReasonCode, detail: str = "") -> EntityStatus:
        return status(inputs, subscription, kind, reason, detail)

    linked = inputs.links.ids.get(key)
    if subscription.is_free():
        return no(Status.NO_SYNC_REQUIRED, ReasonCode.FREE)
    if subscription.is_custom():
        return no(Status.NO_SYNC_REQUIRED, ReasonCode.CUSTOM_PRICE)
    in_trial = subscription.status == StiggStatus.IN_TRIAL
    if in_trial and not is_trial_in_stripe(inputs, linked) and canceled_in_stripe(inputs, key) is None:
        return no(Status.NO_SYNC_REQUIRED, ReasonCode.TRIAL)
    if subscription.status in NOT_YET:
        return no(Status.PENDING, NOT_YET[subscription.status])
    if not in_trial and subscription.status != StiggStatus.ACTIVE:
        return no(Status.ERROR, ReasonCode.UNKNOWN_STATUS, f"Stigg's status {subscription.status} is unknown.")
    if canceled_in_stripe(inputs, key) is not None:
        return None  # free and custom subscriptions were canceled by us
    if linked is None and not inputs.environment.sync_subscriptions:
        return no(Status.NO_SYNC_REQUIRED, ReasonCode.SUBSCRIPTION_SYNC_OFF)
    if linked is None and key in inputs.suggestions:
        return no(Status.PENDING, ReasonCode.CANDIDATE, inputs.suggestions[key])
    if customer is not None and customer.reason is ReasonCode.CANDIDATE:
        return no(Status.PENDING, ReasonCode.CANDIDATE, f"Its customer waits for a person: {customer.detail}")
    if customer is None:
        return no(Status.ERROR, ReasonCode.CUSTOMER_MISSING, f"Stigg shows no customer {subscription.payer()}.")
    if customer.reason is ReasonCode.CUSTOMER_SYNC_OFF or customer.status is Status.ERROR:
        return no(customer.status, customer.reason, with_untaxed(inputs, customer, linked))
    return gone(inputs, subscription, linked) if linked is not None else None


def is_trial_in_stripe(inputs: Inputs, linked: str | None) -> bool:
    """Return whether a linked subscription is in trial in Stripe too, as one that a checkout page sold (BILLING 14)."""
    held = inputs.stripe.subscriptions.get(linked or "")
    return held is not None and held.status == SubscriptionStatus.TRIALING


def with_untaxed(inputs: Inputs, customer: EntityStatus, linked: str | None) -> str:
    """Return the message of a customer that is not synced, with the untaxed invoices if the tax location is the reason."""
    held = inputs.stripe.subscriptions.get(linked or "")
    untaxed = switched_off(held) if customer.reason is ReasonCode.TAX_LOCATION else ""
    return f"{customer.detail} {untaxed}".strip()


def gone(inputs: Inputs, subscription: Subscription, linked: str) -> EntityStatus | None:
    """Return the error status of a linked subscription that has ended in Stripe; it is not created again automatically."""
    found = inputs.stripe.subscriptions.get(linked)
    if found is not None and found.status == SubscriptionStatus.INCOMPLETE_EXPIRED:
        return status(inputs, subscription, Status.ERROR, ReasonCode.PAYMENT_FAILED, expired(found))
    if linked in inputs.ended_by_us:
        detail = f"{linked} was canceled as Stigg did not bill it any more, and Stigg bills it again; unlink {linked}, and it is made again."
        return status(inputs, subscription, Status.ERROR, ReasonCode.CANCELED_IN_STRIPE, detail)
    if found is None or found.status in ENDED_STATUSES:
        detail = f"{linked} is gone in Stripe and active in Stigg; cancel it in Stigg, or unlink it."
        return status(inputs, subscription, Status.ERROR, ReasonCode.CANCELED_IN_STRIPE, detail)
    return None


def missing_payment_method(inputs: Inputs, subscription: Subscription) -> EntityStatus | None:
    """Return the pending status of an automatically charged subscription without a unique payment method, else None.

    It requires the customer's default in Stripe, or exactly one card of the customer's other subscriptions.
    """
    if COLLECTION.get(subscription.payment_collection_method) != "charge_automatically":
        return None
    try:
        named_card(inputs, subscription)
    except EntityError as missing:
        return status(inputs, subscription, Status.PENDING, ReasonCode(missing.reason), missing.detail)
    return None


def stripe_limit_error(
    inputs: Inputs, subscription: Subscription, lines: list[Line], living: Mapping[str, int]
) -> EntityStatus | None:
    """Return the error of a new subscription that Stripe would refuse, else None: customer's currency, or too many."""
    linked = inputs.links.ids.get(inputs.link_key("customer", subscription.payer()))
    customer = inputs.stripe.customers.get(linked) if linked else None
    if customer is None:
        return None
    currency = lines[0][0].currency
    if customer.currency not in (None, currency):
        detail = f"Its prices are in {currency}, and Stripe bills its customer in {customer.currency}."
        return status(inputs, subscription, Status.ERROR, ReasonCode.MIXED_CURRENCIES, detail)
    if living.get(customer.id, 0) >= MAX_SUBSCRIPTIONS:
        detail = f"Its customer has {living[customer.id]} subscriptions in Stripe, which takes {MAX_SUBSCRIPTIONS}."
        return status(inputs, subscription, Status.ERROR, ReasonCode.TOO_MANY_SUBSCRIPTIONS, detail)
    return None


def not_paid(inputs: Inputs, subscription: Subscription) -> EntityStatus | None:
    """Return the status of a current subscription with an unpaid creation or change, else None (BILLING 6)."""
    found = unpaid_of(inputs, subscription) if subscription.status not in ENDED else None
    if found is None:
        return None
    if found.kind == PaymentState.FAILED:
        return status(inputs, subscription, Status.ERROR, ReasonCode.PAYMENT_FAILED, found.sentence)
    return status(inputs, subscription, Status.PENDING, ReasonCode.PAYMENT_PROCESSING, found.sentence)
