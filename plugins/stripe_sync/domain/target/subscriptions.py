"""Target documents of subscriptions: items, discounts, start and end (BILLING 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.actual_state import renewal_text
from stripe_sync.domain.actual.cancellations import canceled_in_stripe, cancellation
from stripe_sync.domain.actual.endings import collected, unowed
from stripe_sync.domain.actual.stigg_end import end_of, ended_at
from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.domain.actual.successors import Resolution, SubscriptionResolution
from stripe_sync.domain.actual.unowed_invoices import renewed_after_end, split
from stripe_sync.domain.model.documents import SUBSCRIPTION, ObjectDocument, compact
from stripe_sync.domain.model.inputs import ENDED, Inputs
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.domain.target.catalog.catalog import Catalog, own_metadata
from stripe_sync.domain.target.coupons import coupon_timers, discounts, known_discounts
from stripe_sync.domain.target.eligibility import (
    COLLECTION,
    missing_payment_method,
    not_paid,
    refusal,
    status,
    stripe_limit_error,
)
from stripe_sync.domain.target.items import Line, check_lines, item_documents, items, once_tokens, one_off_items
from stripe_sync.domain.target.meters import Meters, meters
from stripe_sync.domain.target.payment import card_timers, payment_facts
from stripe_sync.domain.target.subscription_messages import ends_later, paused, shifted_period, untaxed
from stripe_sync.domain.target.timing import changed_at, end_fields, end_timers, start, start_timers


@dataclass(frozen=True)
class SubscriptionContext:
    """Context of a subscription's target.

    ``customers`` are the statuses of customers by id, ``catalog_coupons`` the link keys of the catalog's coupons,
    ``living`` the number of subscriptions by Stripe customer, ``drafts`` the drafts by Stripe subscription.
    """

    catalog: Catalog
    customers: Mapping[str, EntityStatus]
    catalog_coupons: Mapping[str, str]
    resolutions: Mapping[str, SubscriptionResolution]
    living: Mapping[str, int]
    meters: Meters
    drafts: Mapping[str, Sequence[StripeInvoice]] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """The targets of one subscription, or its status if it has none.

    ``timers`` are the times at which the decision may change without a change of data; some may be past.
    """

    targets: Sequence[ObjectDocument]
    refused: EntityStatus | None = None
    timers: Sequence[datetime] = ()


@dataclass(frozen=True)
class Subscriptions:
    """The targets of the subscriptions that Stripe should bill or end, and the statuses of all.

    ``timers`` has, by subscription id, the next time at which the decision may change without a change of data.
    """

    targets: Sequence[ObjectDocument]
    statuses: Sequence[EntityStatus]
    timers: Mapping[str, datetime]


def subscriptions(
    inputs: Inputs,
    catalog: Catalog,
    customers: Mapping[str, EntityStatus],
    *,
    catalog_coupons: Mapping[str, str],
    resolutions: Mapping[str, SubscriptionResolution],
) -> Subscriptions:
    """Return the targets of the subscriptions that Stripe should bill or end, and the statuses of all."""
    targets: list[ObjectDocument] = []
    statuses: list[EntityStatus] = []
    timers: dict[str, datetime] = {}
    living = Counter(s.customer for s in inputs.stripe.subscriptions.values() if s.status not in ENDED_STATUSES)
    drafts: dict[str, list[StripeInvoice]] = {}
    for draft in inputs.stripe.drafts.values():
        drafts.setdefault(draft.subscription() or "", []).append(draft)
    context = SubscriptionContext(
        catalog, customers, catalog_coupons, resolutions, living, meters(inputs, catalog), drafts
    )
    for subscription in inputs.stigg.subscriptions:
        decision = decide(inputs, subscription, context)
        targets += decision.targets
        future = [m for m in (*decision.timers, *end_timers(subscription)) if not inputs.is_due(m)]
        timers |= {subscription.subscription_id: min(future)} if future else {}
        detail = (context.meters.shared or {}).get(subscription.subscription_id, "")
        detail = (
            detail
            or untaxed(inputs, subscription)
            or ends_later(inputs, subscription)
            or shifted_period(inputs, subscription)
        )
        pause = paused(inputs, subscription)
        reason = ReasonCode.NEEDS_A_PERSON if pause else ReasonCode.WAITS_FOR_WRITE
        refused = decision.refused or not_paid(inputs, subscription)
        statuses.append(refused or status(inputs, subscription, Status.PENDING, reason, pause or detail))
    return Subscriptions(targets, statuses, timers)


def decide(inputs: Inputs, subscription: Subscription, context: SubscriptionContext) -> Decision:
    """Return the targets of one subscription, or its status if it has none."""
    key = inputs.link_key("subscription", subscription.subscription_id)
    if subscription.status in ENDED or subscription.subscription_id in context.resolutions:
        return ending(inputs, subscription, key, context)
    try:
        refused = refusal(inputs, subscription, key, context.customers.get(subscription.payer()))
        if refused is not None:
            return Decision([], refused)
        if (gone_there := canceled_in_stripe(inputs, key)) is not None:
            return Decision([cancellation(inputs, subscription, gone_there)])
        lines = items(subscription, context.catalog, context.meters)
    except EntityError as failure:
        return Decision([], failed(inputs, subscription, failure))
    timers = item_timers(inputs, subscription, key)
    try:
        made = subscription_targets(inputs, subscription, key, lines, context)
        if key not in inputs.links.ids:
            refused = missing_payment_method(inputs, subscription) or stripe_limit_error(
                inputs, subscription, lines, context.living
            )
    except EntityError as failure:
        return Decision([], failed(inputs, subscription, failure), timers)
    return Decision(made if refused is None else [], refused, timers)


def failed(inputs: Inputs, subscription: Subscription, failure: EntityError) -> EntityStatus:
    """Return the status of a subscription that cannot be decided."""
    return status(inputs, subscription, Status.ERROR, ReasonCode(failure.reason), failure.detail)


def item_timers(inputs: Inputs, subscription: Subscription, key: str) -> list[datetime]:
    """Return the moments at which the target document of a subscription changes, except those of its end."""
    held = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    try:
        timers = coupon_timers(inputs, subscription, held)
    except EntityError:
        return []  # the target document fails for the same reason
    charged = COLLECTION.get(subscription.payment_collection_method) == "charge_automatically"
    if key not in inputs.links.ids:
        timers += start_timers(inputs, subscription)
    return [*timers, *card_timers(inputs, subscription)] if held is None and charged else timers


def ending(inputs: Inputs, subscription: Subscription, key: str, context: SubscriptionContext) -> Decision:
    """Return the target of an ended or unpaid subscription: canceled in Stripe, unless it has a successor."""
    found = context.resolutions.get(subscription.subscription_id)
    if found is None or found.kind == Resolution.RELINKED:
        detail = sold_after_end(inputs, subscription, key, context) if found is None else ""
        if detail:
            return Decision([], status(inputs, subscription, Status.PENDING, ReasonCode.RENEWED_AFTER_END, detail))
        return Decision([], status(inputs, subscription, Status.NO_SYNC_REQUIRED, ReasonCode.ENDED))
    needs_review = found.kind == Resolution.NEEDS_REVIEW
    end = end_of(inputs, subscription, inputs.stripe.subscriptions.get(inputs.links.ids.get(key, "")))
    facts = {
        "why": found.why,
        "frozen": needs_review,
        "end": end.moment if end is not None else None,
        "between": list(end.between) if end is not None and end.between is not None else None,
    }
    target = ObjectDocument(
        SUBSCRIPTION,
        key,
        {"status": SubscriptionStatus.CANCELED.value},
        ("subscription", subscription.subscription_id),
        facts=facts,
    )
    reason = ReasonCode.FROZEN if needs_review else ReasonCode.WAITS_FOR_WRITE
    return Decision([target], status(inputs, subscription, Status.PENDING, reason, found.why))


def sold_after_end(inputs: Inputs, subscription: Subscription, key: str, context: SubscriptionContext) -> str:
    """Return the messages about drafts that sell a period after the end, else an empty text (BILLING 7)."""
    id, end = inputs.links.ids.get(key, ""), ended_at(subscription)
    found = []
    for draft in context.drafts.get(id, ()):
        if end is not None and unowed([collected(draft)], id, end):
            lines = draft.lines.data
            own = inputs.signer.own_lines(lines)
            found.append(renewed_after_end(draft.id, draft.status, draft.currency, split(lines, end, own)))
    return " ".join(found)


def subscription_targets(
    inputs: Inputs, subscription: Subscription, key: str, lines: list[Line], context: SubscriptionContext
) -> list[ObjectDocument]:
    """Return the target of a subscription and of its own coupons. Raises EntityError where it cannot be determined."""
    collection = collection_of(subscription)
    held = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    known = known_discounts(inputs, held)
    found = discounts(inputs, subscription, context.catalog_coupons, known, held=held)
    charged_once = [(v, quantity) for v, quantity in lines if v.once]
    once = once_tokens(found, charged_once)
    check_lines(inputs, lines, held)
    document = compact(
        {
            "customer": inputs.link_key("customer", subscription.payer()),
            "items": item_documents([line for line in lines if not line[0].once]),
            "collection_method": collection,
            "days_until_due": str(inputs.environment.stripe.days_until_due) if collection == "send_invoice" else None,
            "discounts": list(found.refs),
            "once": once,
            **end_fields(inputs, subscription, held),
            "renewal": renewal_text(held, by_anchor=True) if held is not None else None,
            "automatic_tax": True if inputs.environment.stripe.tax else None,
            "metadata": own_metadata(inputs, "subscription", subscription.subscription_id, key),
        }
    )
    facts = {
        "start": start(inputs, subscription) if key not in inputs.links.ids else {},
        "payment": payment_facts(inputs, subscription, held) if collection == "charge_automatically" else {},
        "changed_at": changed_at(subscription, context.catalog.versions),
        "attach": dict(found.coupons),
        "one_off": {} if known.untold else one_off_items(charged_once, known.once),
    }
    entity = ("subscription", subscription.subscription_id)
    return [ObjectDocument(SUBSCRIPTION, key, document, entity, facts=facts), *found.own]


def collection_of(subscription: Subscription) -> str:
    """Return Stripe's collection method. Raises EntityError where Stigg's has no counterpart."""
    method = subscription.payment_collection_method
    if method not in COLLECTION:
        raise EntityError(
            ReasonCode.NEEDS_A_PERSON,
            f"Stigg collects by {method}, which has no counterpart in Stripe; choose CHARGE or INVOICE.",
        )
    return COLLECTION[method]
