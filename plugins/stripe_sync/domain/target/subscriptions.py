"""Which subscriptions Stripe bills, with which items, and how a new one begins (BILLING 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import to_builtins

from stripe_sync.core import keys, ownership
from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import RowFailed
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.billing_periods import renewals
from stripe_sync.domain.actual.cancellations import canceled_in_stripe, cancellation
from stripe_sync.domain.actual.endings import collected, renewed_after_end, split, unowed
from stripe_sync.domain.actual.payment_processing import PaymentState
from stripe_sync.domain.actual.stigg_end import end_of, ended_at
from stripe_sync.domain.actual.stripe_objects import GONE, Reading, expanded, once_of, renewal
from stripe_sync.domain.actual.successors import Fate, Resolution
from stripe_sync.domain.actual.taxes import switched_off
from stripe_sync.domain.model.documents import SUBSCRIPTION, Claim, compact
from stripe_sync.domain.model.inputs import ENDED, Inputs
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stripe import StripeInvoice, StripeSubscription
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.domain.target.catalog import Catalog, own_metadata
from stripe_sync.domain.target.coupons import Discounts, Known, coupon_timers, discounts
from stripe_sync.domain.target.coupons import once_token as coupon_token
from stripe_sync.domain.target.eligibility import COLLECTION, beyond_stripe, not_yet_chargeable, refusal, status
from stripe_sync.domain.target.items import Line, check_lines, item_documents, items
from stripe_sync.domain.target.meters import Meters, meters
from stripe_sync.domain.target.payment import card_timers, payment_facts, unpaid_of
from stripe_sync.domain.target.prices import PriceVersion
from stripe_sync.domain.target.timing import cancel_at, changed_at, end_timers, ends_at, start, start_timers

MOVED = "Its period ends at {:%Y-%m-%d %H:%M} UTC, and by its anchor before its end was taken away at {:%Y-%m-%d %H:%M} UTC; a person decides."
MAX_ONCE = 55  # tokens of nine characters in a metadata value of 500


@dataclass(frozen=True)
class Around:
    """What a subscription's claim is made from besides itself.

    ``customers`` are the statuses of customers by id, ``catalog_coupons`` the link keys of the catalog's coupons,
    ``living`` how many subscriptions each Stripe customer has, ``drafts`` the drafts of each Stripe subscription.
    """

    catalog: Catalog
    customers: Mapping[str, EntityStatus]
    catalog_coupons: Mapping[str, str]
    fates: Mapping[str, Fate]
    living: Mapping[str, int]
    meters: Meters
    drafts: Mapping[str, Sequence[StripeInvoice]] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """The target documents of one subscription, or why there is none.

    ``timers`` are the moments at which time alone may decide something else; some may be over.
    """

    claims: Sequence[Claim]
    refused: EntityStatus | None = None
    timers: Sequence[datetime] = ()


@dataclass(frozen=True)
class Subscriptions:
    """The target documents of all subscriptions that Stripe should bill, or end, and the status of all.

    ``timers`` has the next moment, by subscription id, at which time alone may decide something else.
    """

    claims: Sequence[Claim]
    statuses: Sequence[EntityStatus]
    timers: Mapping[str, datetime]


def subscriptions(
    inputs: Inputs,
    catalog: Catalog,
    customers: Mapping[str, EntityStatus],
    *,
    catalog_coupons: Mapping[str, str],
    fates: Mapping[str, Fate],
) -> Subscriptions:
    """Decide all subscriptions."""
    claims: list[Claim] = []
    statuses: list[EntityStatus] = []
    timers: dict[str, datetime] = {}
    living = Counter(s.customer for s in inputs.stripe.subscriptions.values() if s.status not in GONE)
    drafts: dict[str, list[StripeInvoice]] = {}
    for draft in inputs.stripe.drafts.values():
        drafts.setdefault(draft.subscription() or "", []).append(draft)
    around = Around(catalog, customers, catalog_coupons, fates, living, meters(inputs, catalog), drafts)
    for subscription in inputs.stigg.subscriptions:
        decision = decide(inputs, subscription, around)
        claims += decision.claims
        future = [m for m in (*decision.timers, *end_timers(subscription)) if not inputs.is_due(m)]
        timers |= {subscription.subscription_id: min(future)} if future else {}
        told = (around.meters.shared or {}).get(subscription.subscription_id, "")
        told = told or untaxed(inputs, subscription) or ends_later(inputs, subscription) or moved(inputs, subscription)
        refused = decision.refused or not_paid(inputs, subscription)
        statuses.append(refused or status(inputs, subscription, Status.PENDING, ReasonCode.WAITS_FOR_WRITE, told))
    return Subscriptions(claims, statuses, timers)


def untaxed(inputs: Inputs, subscription: Subscription) -> str:
    """Return the sentence about tax that Stripe switched off, or an empty text where tax is not wanted or is on."""
    key = inputs.link_key("subscription", subscription.subscription_id)
    held = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    return switched_off(held) if inputs.environment.stripe.tax else ""


def not_paid(inputs: Inputs, subscription: Subscription) -> EntityStatus | None:
    """Return the status of a living subscription whose creation or change is not paid yet (BILLING 6)."""
    found = unpaid_of(inputs, subscription) if subscription.status not in ENDED else None
    if found is None:
        return None
    if found.kind == PaymentState.FAILED:
        return status(inputs, subscription, Status.ERROR, ReasonCode.PAYMENT_FAILED, found.sentence)
    return status(inputs, subscription, Status.PENDING, ReasonCode.PAYMENT_PROCESSING, found.sentence)


def moved(inputs: Inputs, subscription: Subscription) -> str:
    """Return the sentence about renewals that moved as an end was taken away; empty where they did not (BILLING 7)."""
    key = inputs.link_key("subscription", subscription.subscription_id)
    held = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    found = renewals(held) if held is not None else None
    return MOVED.format(*found) if found is not None and found[0] != found[1] else ""


def decide(inputs: Inputs, subscription: Subscription, around: Around) -> Decision:
    """Decide one subscription."""
    key = inputs.link_key("subscription", subscription.subscription_id)
    if subscription.status in ENDED or subscription.subscription_id in around.fates:
        return ending(inputs, subscription, key, around)
    try:
        refused = refusal(inputs, subscription, key, around.customers.get(subscription.payer()))
        if refused is not None:
            return Decision([], refused)
        if (gone_there := canceled_in_stripe(inputs, key)) is not None:
            return Decision([cancellation(inputs, subscription, gone_there)])
        lines = items(subscription, around.catalog, around.meters)
    except RowFailed as failure:
        return Decision([], failed(inputs, subscription, failure))
    timers = item_timers(inputs, subscription, key)
    try:
        made = claim(inputs, subscription, key, lines, around)
        if key not in inputs.links.ids:
            refused = not_yet_chargeable(inputs, subscription) or beyond_stripe(
                inputs, subscription, lines, around.living
            )
    except RowFailed as failure:
        return Decision([], failed(inputs, subscription, failure), timers)
    return Decision(made if refused is None else [], refused, timers)


def failed(inputs: Inputs, subscription: Subscription, failure: RowFailed) -> EntityStatus:
    """Return the status of a subscription that cannot be decided."""
    return status(inputs, subscription, Status.ERROR, ReasonCode(failure.reason), failure.detail)


def item_timers(inputs: Inputs, subscription: Subscription, key: str) -> list[datetime]:
    """Return the moments at which the target document of a subscription changes, except those of its end."""
    held = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    try:
        timers = coupon_timers(inputs, subscription, known_discounts(inputs, held))
    except RowFailed:
        return []  # the target document fails for the same reason
    charged = COLLECTION.get(subscription.payment_collection_method) == "charge_automatically"
    if key not in inputs.links.ids:
        timers += start_timers(inputs, subscription)
    return [*timers, *card_timers(inputs, subscription)] if held is None and charged else timers


def ends_later(inputs: Inputs, subscription: Subscription) -> str:
    """Return when Stripe is told of an end that lies in a later period; empty where there is none (BILLING 7)."""
    held = inputs.stripe.subscriptions.get(
        inputs.links.ids.get(inputs.link_key("subscription", subscription.subscription_id), "")
    )
    end = ends_at(inputs, subscription)
    if end is None or held is None or cancel_at(inputs, subscription, held) is not None:
        return ""
    return f"It ends at {from_epoch(end):%Y-%m-%d %H:%M} UTC; Stripe is told in the period in which that lies."


def ending(inputs: Inputs, subscription: Subscription, key: str, around: Around) -> Decision:
    """Decide one that ended, or is no longer paid for: its Stripe subscription is canceled, unless its fate differs."""
    found = around.fates.get(subscription.subscription_id)
    if found is None or found.kind == Resolution.MOVES:
        told = sold_after_end(inputs, subscription, key, around) if found is None else ""
        if told:
            return Decision([], status(inputs, subscription, Status.PENDING, ReasonCode.RENEWED_AFTER_END, told))
        return Decision([], status(inputs, subscription, Status.NO_SYNC_REQUIRED, ReasonCode.ENDED))
    frozen = found.kind == Resolution.FROZEN
    end = end_of(inputs, subscription, inputs.stripe.subscriptions.get(inputs.links.ids.get(key, "")))
    facts = {
        "why": found.why,
        "frozen": frozen,
        "end": end.moment if end is not None else None,
        "between": list(end.between) if end is not None and end.between is not None else None,
    }
    claim = Claim(
        SUBSCRIPTION,
        key,
        {"status": SubscriptionStatus.CANCELED.value},
        ("subscription", subscription.subscription_id),
        facts=facts,
    )
    reason = ReasonCode.FROZEN if frozen else ReasonCode.WAITS_FOR_WRITE
    return Decision([claim], status(inputs, subscription, Status.PENDING, reason, found.why))


def sold_after_end(inputs: Inputs, subscription: Subscription, key: str, around: Around) -> str:
    """Return the sentences about drafts that sell a period after the end; empty where there is none (BILLING 7)."""
    id, end = inputs.links.ids.get(key, ""), ended_at(subscription)
    found = []
    for draft in around.drafts.get(id, ()):
        body = to_builtins(draft)
        if end is not None and unowed([collected(body)], id, end):
            lines = body["lines"]["data"]
            own = inputs.signer.own_lines(lines)
            found.append(renewed_after_end(draft.id, draft.status, draft.currency, split(lines, end, own)))
    return " ".join(found)


def claim(inputs: Inputs, subscription: Subscription, key: str, lines: list[Line], around: Around) -> list[Claim]:
    """Return the target document, and those of the coupons that it alone has. Raises RowFailed where one is unknown."""
    collection = collection_of(subscription)
    held = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    known = known_discounts(inputs, held)
    found = discounts(inputs, subscription, around.catalog_coupons, known)
    charged_once = [(v, quantity) for v, quantity in lines if v.once]
    once = once_tokens(found, charged_once)
    check_lines(inputs, lines, held)
    end = cancel_at(inputs, subscription, held)
    document = compact(
        {
            "customer": inputs.link_key("customer", subscription.payer()),
            "items": item_documents([line for line in lines if not line[0].once]),
            "collection_method": collection,
            "days_until_due": str(inputs.environment.stripe.days_until_due) if collection == "send_invoice" else None,
            "discounts": list(found.refs),
            "once": once,
            "cancel_at": str(end) if end else None,
            "renewal": renewal(held, by_anchor=True) if held is not None else None,
            "automatic_tax": True if inputs.environment.stripe.tax else None,
            "metadata": own_metadata(inputs, "subscription", subscription.subscription_id, key),
        }
    )
    facts = {
        "start": start(inputs, subscription) if key not in inputs.links.ids else {},
        "payment": payment_facts(inputs, subscription, held) if collection == "charge_automatically" else {},
        "changed_at": changed_at(subscription, around.catalog.versions),
        "attach": dict(found.coupons),
        "one_off": {} if known.untold else one_off_items(charged_once, known.once),
    }
    entity = ("subscription", subscription.subscription_id)
    return [Claim(SUBSCRIPTION, key, document, entity, facts=facts), *found.own]


def collection_of(subscription: Subscription) -> str:
    """Return Stripe's collection method. Raises RowFailed where Stigg's has no counterpart."""
    method = subscription.payment_collection_method
    if method not in COLLECTION:
        raise RowFailed(
            ReasonCode.NEEDS_A_PERSON,
            f"Stigg collects by {method}, which has no counterpart in Stripe; choose CHARGE or INVOICE.",
        )
    return COLLECTION[method]


def once_tokens(found: Discounts, charged: list[Line]) -> list[str]:
    """Return the tokens of coupons and one-off charges, sorted. Raises RowFailed where they do not fit the metadata."""
    once = {*found.once, *(once_token(v) for v, _ in charged)}
    if len(once) > MAX_ONCE:
        raise RowFailed(
            ReasonCode.TOO_MUCH_ONCE, f"It has {len(once)} coupons and one-off charges; {MAX_ONCE} can be kept."
        )
    return sorted(once)


def known_discounts(inputs: Inputs, held: StripeSubscription | None) -> Known:
    """The discounts and the tokens of the Stripe subscription; one without our mark was made by somebody else."""
    if held is None:
        return Known({})
    reading = Reading(inputs.links.keys, inputs.signer, retired=inputs.links.retired)
    live = {}
    for discount in expanded(held):
        ref, id = reading.ref_of(discount), discount.source.coupon_id() or ""
        if ref is not None:
            live[ref] = inputs.links.keys.get(id) or inputs.links.retired.get(id) or ""
    proven = inputs.signer.key_of(held.metadata.get(ownership.FIELD)) is not None
    return Known(live, tuple(once_of(held.metadata)), untold=not proven)


def once_token(v: PriceVersion) -> str:
    """What names a one-off charge in the life of a subscription, whatever it costs in another version of the plan."""
    return coupon_token("charge", keys.slot_of(v.key))


def one_off_items(charged: list[Line], done: Iterable[str]) -> dict[str, dict[str, str]]:
    """One-off charges that were not charged yet: price version and quantity by token."""
    given = set(done)
    tokens = {once_token(v): {"price": v.key, "quantity": str(quantity)} for v, quantity in charged}
    return {token: item for token, item in tokens.items() if token not in given}
