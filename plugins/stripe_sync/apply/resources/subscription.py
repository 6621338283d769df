"""Subscriptions: billed flexibly, and with an explicit parameter for everything that has a default (BILLING 6).

Their cancellation is in ``apply/cancellation/``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from stripe_sync.apply.processing import expanded_parts
from stripe_sync.apply.resource import Call, Handler, Params, Resource, change, metadata, reader, without_marker
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.clients.stripe.endpoints import PATHS, in_list
from stripe_sync.core import keys
from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual import actual_state
from stripe_sync.domain.actual.stripe_objects import CANCEL_AT, ONE_OFFS
from stripe_sync.domain.model.documents import Document, ObjectDocument
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.domain.plan.actions import ActionKind
from stripe_sync.domain.target.timing import anchor_note

INSTRUCTIONS = frozenset(
    {
        "anchor", "billing_cycle_anchor", "anchor_config", "backdate_start_date", "proration_behavior", "proration_date",
        "attach", "one_off", "charged", "ended_in_stigg", "ended_between", "credit", "payment_behavior",
        "default_payment_method", "how",
    }
)  # fmt: skip


def creation(call: Call) -> Params:
    """Return the parameters of a new subscription with its anchor as a time, the form of previews."""
    after, links = call.action.after, call.links
    charged = "backdate_start_date" in after  # the current period is charged, from that time or from now
    params: Params = {
        "customer": links.resolve(after["customer"]),
        "items": [item_params(call, item) for item in after["items"]],
        "collection_method": after["collection_method"],
        "billing_mode": {"type": "flexible"},
        "billing_cycle_anchor": after["billing_cycle_anchor"],
        "proration_behavior": "create_prorations" if charged else "none",
        "metadata": metadata(after["metadata"], links) | own_notes(after),
        "expand": expanded_parts(call.action),
        "automatic_tax": {"enabled": bool(after.get("automatic_tax"))},  # the account's default would apply
    }
    if after.get("backdate_start_date"):
        params["backdate_start_date"] = after["backdate_start_date"]
    if after["collection_method"] == "send_invoice":
        params["days_until_due"] = int(after["days_until_due"])
    for name in ("payment_behavior", "default_payment_method"):
        if name in after:
            params[name] = after[name]
    if "one_off" in after:
        params["add_invoice_items"] = [item_params(call, item) for item in after["one_off"]]
    if after.get("attach"):
        params["discounts"] = [{"coupon": links.resolve(key)} for _, key in sorted(after["attach"].items())]
    if "cancel_at" in after:
        params["cancel_at"] = int(after["cancel_at"])
    return params


def _parameters(call: Call) -> Params:
    """Return the parameters of a creation; an anchor that a short month clamped is sent as ``billing_cycle_anchor_config``.

    Stripe accepts either a time or a config, whose next time is the anchor.
    """
    params = creation(call)
    if "anchor_config" in call.action.after:
        del params["billing_cycle_anchor"]
        params["billing_cycle_anchor_config"] = dict(call.action.after["anchor_config"])
    return params


def item_params(call: Call, item: Mapping[str, str]) -> Params:
    """Return an item with its price, and its quantity unless it is metered."""
    price = {"price": call.links.resolve(item["price"])}
    return price if "metered" in item else price | {"quantity": int(item["quantity"])}


def own_notes(after: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata next to the ownership marker: tokens of one-off events, and the end that we set."""
    notes = {}
    if "once" in after:
        notes[ONE_OFFS] = ",".join(after["once"] or ())
    if "cancel_at" in after:
        notes[CANCEL_AT] = after["cancel_at"] or ""
    return notes


def changes(call: Call, held: Mapping[str, Any]) -> Params:
    """Return the changed fields; ``held`` are the facts of the current subscription: our items, and all discounts.

    Items are sent with their ids, and kept discounts are sent again.
    """
    after = call.action.after
    params: Params = {"expand": expanded_parts(call.action)}
    if "items" in after:
        ids = {price: item["id"] for price, item in held["items"].items()}
        params["items"] = _changed_items(call, ids)
    plain = ("proration_behavior", "proration_date", "collection_method", "payment_behavior", "billing_cycle_anchor")
    params |= {name: after[name] for name in plain if name in after}
    if after.get("days_until_due") is not None:
        params["days_until_due"] = int(after["days_until_due"])
    if "discounts" in after:
        params["discounts"] = _discounts(call, held["discounts"])
    if "cancel_at" in after:
        params["cancel_at"] = int(after["cancel_at"]) if after["cancel_at"] else ""
    if "automatic_tax" in after:
        params["automatic_tax"] = {"enabled": bool(after["automatic_tax"])}
    noted = own_notes(after) | anchor_note(after, held)
    if "metadata" in after or noted:
        params["metadata"] = metadata(after.get("metadata"), call.links) | noted
    return params


def _discounts(call: Call, discounts: Sequence[tuple[str, str | None]]) -> list[dict[str, str]] | str:
    """Return kept discounts by id, foreign ones included, and new ones by coupon; "" if none remain."""
    after = call.action.after
    own = set(after["discounts"] or ())
    kept = [{"discount": id} for id, ref in discounts if ref is None or ref in own]
    new = [{"coupon": call.links.resolve(key)} for _, key in sorted((after.get("attach") or {}).items())]
    return [*kept, *new] or ""


def _changed_items(call: Call, ids: Mapping[str, str]) -> list[Params]:
    """Return the changed items: known ones by id and with a quantity; foreign ones are not sent and are kept.

    A removed and an added price of the same charge are one item with a changed price.
    """
    before = {item["price"]: item["quantity"] for item in (call.action.before or {}).get("items") or ()}
    after = {item["price"]: item for item in call.action.after["items"]}
    exchanged = _exchanges(before, after)
    changed: list[Params] = []
    for price, item in after.items():
        if price in before and before[price] != item["quantity"]:
            changed.append({"id": ids[price], "quantity": int(item["quantity"])})
        elif price in exchanged:
            changed.append({"id": ids[exchanged[price]], **item_params(call, item)})
        elif price not in before:
            changed.append(item_params(call, item))
    going = [price for price in before if price not in after and price not in exchanged.values()]
    return changed + [{"id": ids[price], "deleted": True} for price in going]


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
    return SUBSCRIPTIONS.update(call.api, call.id, changes(call, _own_parts(call, held).facts), key=key)


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    customer = call.links.get(call.action.after["customer"])
    if customer is not None:
        shown = in_list("subscription")
        yield from SUBSCRIPTIONS.created_since(call.api, since, customer=customer, status="all", expand=shown)


def _own_parts(call: Call, found: Found) -> ObjectDocument:
    """Return the actual document of a subscription, with the ids of our items and all discounts as facts."""
    return actual_state.subscription_document(
        call.links.reading(), from_stripe(dict(found.object), StripeSubscription), call.action.target
    )


def _document(call: Call, found: Found) -> Document:
    subscription = from_stripe(found.object, StripeSubscription)
    return _own_parts(call, found).document | {"status": subscription.status, "schedule": subscription.schedule}


SUBSCRIPTIONS = Collection("subscription", PATHS["subscription"], lambda client: client.v1.subscriptions)
SUBSCRIPTION = Resource("subscription", reader(SUBSCRIPTIONS), _document, INSTRUCTIONS)
HANDLERS = {
    ActionKind.SUBSCRIPTION_CREATE: Handler(SUBSCRIPTION, _create, _recover),
    ActionKind.SUBSCRIPTION_UPDATE: Handler(SUBSCRIPTION, _update, SUBSCRIPTION.recover_update),
    ActionKind.SUBSCRIPTION_STRIP: change(SUBSCRIPTION, SUBSCRIPTIONS, without_marker),
}
