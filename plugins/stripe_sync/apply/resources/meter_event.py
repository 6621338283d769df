"""Meter events: sent once under their identifier; they cannot be read, only the meter's summary can."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

from stripe_sync.apply.resource import Call, Handler, Resource
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.clients.stripe.parameters.encoding import encode
from stripe_sync.clients.stripe.parameters.invoices import MeterEvent
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.plan.actions import Action, ActionKind

IDENTIFIER = 100  # characters


def _parameters(call: Call) -> MeterEvent:
    after, how = call.action.after, call.action.after["how"]
    return MeterEvent(
        event_name=after["event_name"],
        timestamp=after["timestamp"],
        identifier=identifier(call.action),
        payload={how["customer_key"]: after["customer"], how["value_key"]: after["value"]},
    )


def _send(call: Call, key: str) -> Written:
    """Send one event. A duplicate identifier means that it was sent before (SB 4.7)."""
    params = _parameters(call)
    try:
        written = EVENTS.create(call.api, params, key=key)
    except EntityError as refused:
        if "parameter identifier" not in refused.detail and "duplicate_meter_event" not in refused.detail:
            raise
        written = Written({**encode(params), "object": EVENTS.name}, None)
    return Written({**written.object, "id": params.identifier}, written.request_id)


def identifier(action: Action) -> str:
    """Return the identifier of an event: its name, short enough for Stripe."""
    name = str(action.after["identifier"])
    if len(name) <= IDENTIFIER:
        return name
    return f"{name[: IDENTIFIER - 33]}-{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    """Yield nothing: events cannot be read."""
    yield from ()


def _read(call: Call) -> Found:
    raise EntityError(
        ReasonCode.STRIPE_REFUSED,
        f"{call.action.target}: Stripe does not return single events. Read the meter's summary.",
    )


def _document(call: Call, found: Found) -> Document:
    how = call.action.after["how"]
    return {
        "value": found.object["payload"].get(how["value_key"]),
        "customer": found.object["payload"].get(how["customer_key"]),
        "event_name": found.object["event_name"],
        "timestamp": found.object["timestamp"],
        "identifier": call.action.after["identifier"],
    }


EVENTS = Collection("billing.meter_event", "/v1/billing/meter_events", lambda client: client.v1.billing.meter_events)
METER_EVENT = Resource("meterevent", _read, _document, instructions=frozenset({"how"}))
HANDLERS = {ActionKind.METER_EVENT_SEND: Handler(METER_EVENT, _send, _recover)}
