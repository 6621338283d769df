"""Checkout Sessions: opened with an explicit parameter for everything that has a default."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from stripe_sync.apply.resource import Call, Handler, Params, Resource, metadata, reader
from stripe_sync.apply.resources.subscription import item_params, own_notes
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.plan.actions import ActionKind


def _parameters(call: Call) -> Params:
    """Return the parameters of a session; the subscription gets our marker, so the next run knows it."""
    how, links = call.action.after["how"], call.links
    request = how["request"]
    params: Params = {
        "mode": "subscription",
        "customer": links.resolve(call.action.after["customer"]),
        "client_reference_id": call.action.after["reference"],
        "line_items": [item_params(call, item) for item in [*how["items"], *how["one_off"]]],
        "success_url": request["success_url"],
        "metadata": call.marker(),
        "subscription_data": _subscription(call),
        "expires_at": how["expires_at"],
    }
    if request["cancel_url"]:
        params["cancel_url"] = request["cancel_url"]
    if how["attach"]:
        params["discounts"] = [{"coupon": links.resolve(key)} for key in how["attach"].values()]
    if how["automatic_tax"]:
        params |= {"automatic_tax": {"enabled": True}, "customer_update": {"address": "auto"}}
    return params


def _subscription(call: Call) -> Params:
    how = call.action.after["how"]
    notes = own_notes({"once": how["once"]} if how["once"] else {})
    data: Params = {"billing_mode": {"type": "flexible"}, "metadata": metadata(how["metadata"], call.links) | notes}
    return data | ({"trial_period_days": how["trial_days"]} if how["trial_days"] else {})


def _create(call: Call, key: str) -> Written:
    return SESSIONS.create(call.api, _parameters(call), key=key)


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    customer = call.links.resolve(call.action.after["customer"])
    return SESSIONS.created_since(call.api, since, customer=customer)


def _document(call: Call, found: Found) -> Document:
    row = found.object
    customer = row["customer"] or ""
    known = call.links.reading().known
    return {
        "mode": row["mode"],
        "reference": row["client_reference_id"],
        "customer": known.get(customer, customer),
    }


SESSIONS = Collection("checkout.session", "/v1/checkout/sessions", lambda client: client.v1.checkout.sessions)
CHECKOUT_SESSION = Resource("checkout", reader(SESSIONS), _document, instructions=frozenset({"how"}))
HANDLERS = {ActionKind.CHECKOUT_CREATE: Handler(CHECKOUT_SESSION, _create, _recover)}
