"""Checkout Sessions: opened with an explicit parameter for everything that has a default."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import UNSET

from stripe_sync.apply.resource import Call, Handler, Resource, metadata, reader
from stripe_sync.apply.resources.subscription import item_params, own_notes
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.clients.stripe.parameters.encoding import AutomaticTaxParams, DiscountParams
from stripe_sync.clients.stripe.parameters.subscriptions import CustomerUpdate, NewSession, SubscriptionData
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.plan.actions import ActionKind


def _parameters(call: Call) -> NewSession:
    """Return the parameters of a session; the subscription gets our marker, so the next run knows it."""
    how, links = call.action.after["how"], call.links
    request = how["request"]
    is_taxed = bool(how["automatic_tax"])
    return NewSession(
        customer=links.resolve(call.action.after["customer"]),
        client_reference_id=call.action.after["reference"],
        line_items=[item_params(call, item) for item in [*how["items"], *how["one_off"]]],
        success_url=request["success_url"],
        metadata=call.marker(),
        subscription_data=_subscription(call),
        expires_at=how["expires_at"],
        cancel_url=request["cancel_url"] or UNSET,
        discounts=[DiscountParams(coupon=links.resolve(key)) for key in how["attach"].values()] or UNSET,
        automatic_tax=AutomaticTaxParams(enabled=is_taxed),
        customer_update=CustomerUpdate() if is_taxed else UNSET,
    )


def _subscription(call: Call) -> SubscriptionData:
    how = call.action.after["how"]
    notes = own_notes(once=how["once"]) if how["once"] else {}
    return SubscriptionData(
        metadata=metadata(how["metadata"], call.links) | notes, trial_period_days=how["trial_days"] or UNSET
    )


def _create(call: Call, key: str) -> Written:
    return SESSIONS.create(call.api, _parameters(call), key=key)


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    customer = call.links.resolve(call.action.after["customer"])
    return SESSIONS.created_since(call.api, since, customer=customer)


def _document(call: Call, found: Found) -> Document:
    row = found.object
    customer = row["customer"] or ""
    known = call.links.decoding_context().key_by_stripe_id
    return {
        "mode": row["mode"],
        "reference": row["client_reference_id"],
        "customer": known.get(customer, customer),
    }


SESSIONS = Collection("checkout.session", "/v1/checkout/sessions", lambda client: client.v1.checkout.sessions)
CHECKOUT_SESSION = Resource("checkout", reader(SESSIONS), _document, instructions=frozenset({"how"}))
HANDLERS = {ActionKind.CHECKOUT_CREATE: Handler(CHECKOUT_SESSION, _create, _recover)}
