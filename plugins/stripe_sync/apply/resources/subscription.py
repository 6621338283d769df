"""Subscriptions: billed flexibly, and with an explicit parameter for everything that has a default (BILLING 6).

Their cancellation is in ``apply/cancellation/``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType, structs

from stripe_sync.apply.processing import expanded_parts
from stripe_sync.apply.resource import Call, Handler, Resource, change, metadata, reader, without_marker
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.clients.stripe.endpoints import PATHS, in_list
from stripe_sync.clients.stripe.parameters.encoding import AutomaticTaxParams, DiscountParams
from stripe_sync.clients.stripe.parameters.subscriptions import (
    AnchorConfig,
    ItemParams,
    NewAnchor,
    NewSubscription,
    SubscriptionChange,
)
from stripe_sync.core import keys
from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual import actual_state
from stripe_sync.domain.actual.stripe_objects import CANCEL_AT, ONE_OFFS
from stripe_sync.domain.model.documents import Document, ObjectDocument
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.target.timing import anchor_note

# Fields of an action that are no part of the document.
PERIODS = {
    "anchor",
    "billing_cycle_anchor",
    "anchor_config",
    "backdate_start_date",
    "proration_behavior",
    "proration_date",
}
CHARGES = {"attach", "one_off", "charged", "ended_in_stigg", "ended_between", "credit"}
PAYMENTS = {"payment_behavior", "default_payment_method"}
INSTRUCTIONS = frozenset(PERIODS | CHARGES | PAYMENTS | {"how"})


def creation(call: Call) -> NewSubscription:
    """Return the parameters of a new subscription with its anchor as a time, the form of previews."""
    after, links = call.action.after, call.links
    charged = "backdate_start_date" in after  # the current period is charged, from that time or from now
    by_invoice = after["collection_method"] == "send_invoice"
    notes = own_notes(once=after.get("once", UNSET), cancel_at=after.get("cancel_at", UNSET))
    return NewSubscription(
        customer=links.resolve(after["customer"]),
        items=[item_params(call, item) for item in after["items"]],
        collection_method=after["collection_method"],
        billing_cycle_anchor=after["billing_cycle_anchor"],
        proration_behavior="create_prorations" if charged else "none",
        metadata=metadata(after["metadata"], links) | notes,
        expand=expanded_parts(call.action),
        automatic_tax=AutomaticTaxParams(enabled=bool(after.get("automatic_tax"))),  # the account's default would apply
        backdate_start_date=after.get("backdate_start_date") or UNSET,
        days_until_due=int(after["days_until_due"]) if by_invoice else UNSET,
        payment_behavior=after.get("payment_behavior", UNSET),
        default_payment_method=after.get("default_payment_method", UNSET),
        add_invoice_items=[item_params(call, item) for item in after["one_off"]] if "one_off" in after else UNSET,
        discounts=_attached(call) or UNSET,
        cancel_at=int(after["cancel_at"]) if "cancel_at" in after else UNSET,
    )


def _attached(call: Call) -> list[DiscountParams]:
    """Return new discounts by coupon, in the order of their references."""
    attach = call.action.after.get("attach") or {}
    return [DiscountParams(coupon=call.links.resolve(key)) for _, key in sorted(attach.items())]


def _parameters(call: Call) -> NewSubscription:
    """Return the parameters of a creation; an anchor that a short month clamped is sent as ``billing_cycle_anchor_config``.

    Stripe accepts either a time or a config, whose next time is the anchor.
    """
    params, config = creation(call), call.action.after.get("anchor_config")
    if config is None:
        return params
    return structs.replace(params, billing_cycle_anchor=UNSET, billing_cycle_anchor_config=AnchorConfig(**config))


def item_params(call: Call, item: Mapping[str, str], *, id: str | UnsetType = UNSET) -> ItemParams:
    """Return an item with its price, and its quantity unless it is metered; ``id`` is the one of a current item."""
    quantity = UNSET if "metered" in item else int(item["quantity"])
    return ItemParams(id=id, price=call.links.resolve(item["price"]), quantity=quantity)


def own_notes(
    *, once: Sequence[str] | UnsetType | None = UNSET, cancel_at: str | UnsetType | None = UNSET
) -> dict[str, str]:
    """Return the metadata next to the ownership marker: tokens of one-off events, and the end that we set.

    An empty value removes its name, ``UNSET`` leaves it as it is.
    """
    notes = {}
    if once is not UNSET:
        notes[ONE_OFFS] = ",".join(once or ())
    if cancel_at is not UNSET:
        notes[CANCEL_AT] = cancel_at or ""
    return notes


@dataclass(frozen=True)
class CurrentParts:
    """Parts of a current subscription that a change is sent with.

    ``items`` are the ids of our items by price key, ``discounts`` (id, refId) of all discounts, with None for a foreign one,
    ``anchor`` the anchor of its periods (Unix seconds), ``is_noted`` whether its metadata has an anchor.
    """

    items: Mapping[str, str] = field(default_factory=dict)
    discounts: Sequence[tuple[str, str | None]] = ()
    anchor: int | None = None
    is_noted: bool = False


def current_parts(document: ObjectDocument) -> CurrentParts:
    """Return the parts that the document of a current subscription has as facts."""
    facts = document.facts
    items = {price: item["id"] for price, item in facts["items"].items()}
    return CurrentParts(items, facts["discounts"], facts["anchor"], facts["has_noted_anchor"])


def changes(call: Call, current: CurrentParts) -> SubscriptionChange:
    """Return the changed fields. Items are sent with their ids, and kept discounts are sent again."""
    after = call.action.after
    end = after.get("cancel_at", UNSET)
    is_due = after.get("days_until_due") is not None
    anchor = after.get("billing_cycle_anchor")
    return SubscriptionChange(
        expand=expanded_parts(call.action),
        items=_changed_items(call, current.items) if "items" in after else UNSET,
        proration_behavior=after.get("proration_behavior", UNSET),
        proration_date=after.get("proration_date", UNSET),
        collection_method=after.get("collection_method", UNSET),
        payment_behavior=after.get("payment_behavior", UNSET),
        billing_cycle_anchor=NewAnchor(**anchor) if anchor is not None else UNSET,
        days_until_due=int(after["days_until_due"]) if is_due else UNSET,
        discounts=_discounts(call, current.discounts) if "discounts" in after else UNSET,
        cancel_at=end if end is UNSET else int(end) if end else "",
        trial_end=int(after["trial_end"]) if "trial_end" in after else UNSET,
        automatic_tax=_automatic_tax(call.action),
        metadata=_changed_metadata(call, current),
    )


def _automatic_tax(action: Action) -> AutomaticTaxParams | UnsetType:
    after = action.after
    return AutomaticTaxParams(enabled=bool(after["automatic_tax"])) if "automatic_tax" in after else UNSET


def _changed_metadata(call: Call, current: CurrentParts) -> dict[str, str] | UnsetType:
    """Return the changed metadata: our names, the tokens and end next to them, and the noted anchor."""
    after = call.action.after
    notes = own_notes(once=after.get("once", UNSET), cancel_at=after.get("cancel_at", UNSET))
    if "anchor" in after:
        notes |= anchor_note(current.anchor)
    elif "billing_cycle_anchor" in after and current.is_noted:
        notes |= anchor_note(None)
    return metadata(after.get("metadata"), call.links) | notes if "metadata" in after or notes else UNSET


def _discounts(call: Call, discounts: Sequence[tuple[str, str | None]]) -> list[DiscountParams] | Literal[""]:
    """Return kept discounts by id, foreign ones included, and new ones by coupon; "" if none remain."""
    own = set(call.action.after["discounts"] or ())
    kept = [DiscountParams(discount=id) for id, ref in discounts if ref is None or ref in own]
    return [*kept, *_attached(call)] or ""


def _changed_items(call: Call, ids: Mapping[str, str]) -> list[ItemParams]:
    """Return the changed items: known ones by id and with a quantity; foreign ones are not sent and are kept.

    A removed and an added price of the same charge are one item with a changed price.
    """
    before = {item["price"]: item["quantity"] for item in (call.action.before or {}).get("items") or ()}
    after = {item["price"]: item for item in call.action.after["items"]}
    exchanged = _exchanges(before, after)
    changed: list[ItemParams] = []
    for price, item in after.items():
        if price in before and before[price] != item["quantity"]:
            changed.append(ItemParams(id=ids[price], quantity=int(item["quantity"])))
        elif price in exchanged:
            changed.append(item_params(call, item, id=ids[exchanged[price]]))
        elif price not in before:
            changed.append(item_params(call, item))
    going = [price for price in before if price not in after and price not in exchanged.values()]
    return changed + [ItemParams(id=ids[price], deleted=True) for price in going]


def _exchanges(before: Mapping[str, str], after: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the price that goes by the price that comes in its slot; each goes for one that comes, in their order."""
    going = [price for price in before if price not in after]
    found: dict[str, str] = {}
    for price in after:
        left = (
            old for old in going if old not in found.values() and keys.same_line_item(old) == keys.same_line_item(price)
        )
        if price not in before and (old := next(left, None)) is not None:
            found[price] = old
    return found


def _create(call: Call, key: str) -> Written:
    return SUBSCRIPTIONS.create(call.api, _parameters(call), key=key)


def _update(call: Call, key: str) -> Written:
    """Read the subscription for the ids of its items and discounts, check it against the plan, and update it."""
    held = SUBSCRIPTION.read(call)
    SUBSCRIPTION.check_before(call, held)
    return SUBSCRIPTIONS.update(call.api, call.id, changes(call, current_parts(own_parts(call, held))), key=key)


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    customer = call.links.get(call.action.after["customer"])
    if customer is not None:
        shown = in_list("subscription")
        yield from SUBSCRIPTIONS.created_since(call.api, since, customer=customer, status="all", expand=shown)


def own_parts(call: Call, found: Found) -> ObjectDocument:
    """Return the actual document of a subscription, with the ids of our items and all discounts as facts."""
    return actual_state.subscription_document(
        call.links.decoding_context(), from_stripe(dict(found.object), StripeSubscription), call.action.target
    )


def _document(call: Call, found: Found) -> Document:
    subscription = from_stripe(found.object, StripeSubscription)
    return own_parts(call, found).document | {"status": subscription.status, "schedule": subscription.schedule}


SUBSCRIPTIONS = Collection("subscription", PATHS["subscription"], lambda client: client.v1.subscriptions)
SUBSCRIPTION = Resource("subscription", reader(SUBSCRIPTIONS), _document, INSTRUCTIONS)
HANDLERS = {
    ActionKind.SUBSCRIPTION_CREATE: Handler(SUBSCRIPTION, _create, _recover),
    ActionKind.SUBSCRIPTION_UPDATE: Handler(SUBSCRIPTION, _update, SUBSCRIPTION.recover_update),
    ActionKind.SUBSCRIPTION_STRIP: change(SUBSCRIPTION, SUBSCRIPTIONS, without_marker),
}
