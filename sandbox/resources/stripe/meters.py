"""Billing meters: meters, their events and summaries."""

from __future__ import annotations

import re

from sandbox.billing import metering
from sandbox.resources.stripe.objects import emit, get, page
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import too_long
from sandbox.world.refusal import NotModelled, StripeRefusal, blank, invalid
from sandbox.world.state import Obj, World, iso

DAY = 86_400
OLDEST, AHEAD, DIGITS = 35 * DAY, 300, 15
NUMBER = re.compile(r"-?\d+(\.\d+)?")


@route("post", "/v1/billing/meters", "display_name", "event_name", "default_aggregation", "customer_mapping",
       "value_settings", "event_time_window")  # fmt: skip
def create_meter(call: Call) -> Obj:
    world, params = call.world, call.params
    if "event_time_window" in params:
        raise NotModelled("meters with event_time_window")
    for name, most in (("display_name", 250), ("event_name", 100)):
        if not 0 < len(params[name]) <= most:
            raise too_long(name, params[name], most) if params[name] else blank(name)
    if any(m["event_name"] == params["event_name"] for m in world.stripe["meters"].values()):
        raise invalid(f"A meter with the event name {params['event_name']} already exists.", param="event_name",
                      code="resource_already_exists")  # fmt: skip
    mapping = params.get("customer_mapping", {"type": "by_id", "event_payload_key": "stripe_customer_id"})
    meter = {
        "id": world.next_id("mtr"), "object": "billing.meter", "created": world.now, "customer_mapping": mapping,
        "default_aggregation": params["default_aggregation"],
        "display_name": params["display_name"], "event_name": params["event_name"], "event_time_window": None,
        "livemode": False, "status": "active", "status_transitions": {"deactivated_at": None}, "updated": world.now,
        "value_settings": params.get("value_settings", {"event_payload_key": "value"}),
    }  # fmt: skip
    emit(call, "billing.meter.created", world.put("meters", meter))
    return meter


@route("get", "/v1/billing/meters", *PAGING - {"created"}, "status")
def list_meters(call: Call) -> Obj:
    status = call.params.get("status")
    rows = [m for m in call.world.newest_first("meters") if status in (None, m["status"])]
    return page(call, rows, "/v1/billing/meters")


@route("get", "/v1/billing/meters/{id}")
def retrieve_meter(call: Call) -> Obj:
    return get(call.world, "meters", call.ids[0], kind="billing meter")


@route("post", "/v1/billing/meters/{id}", "display_name")
def update_meter(call: Call) -> Obj:
    """The name of a meter is all that changes (types)."""
    meter = get(call.world, "meters", call.ids[0], kind="billing meter")
    before = dict(meter)
    if "display_name" in call.params:
        meter |= {"display_name": call.params["display_name"], "updated": call.world.now}
    emit(call, "billing.meter.updated", meter, before)
    return meter


@route("post", "/v1/billing/meters/{id}/deactivate")
def deactivate_meter(call: Call) -> Obj:
    """A deactivated meter takes no events; what it counted stays."""
    return switched(call, "active", "inactive", call.world.now)


@route("post", "/v1/billing/meters/{id}/reactivate")
def reactivate_meter(call: Call) -> Obj:
    return switched(call, "inactive", "active", None)


def switched(call: Call, was: str, to: str, at: int | None) -> Obj:
    meter = get(call.world, "meters", call.ids[0], kind="billing meter")
    if meter["status"] != was:
        raise invalid(f"The meter is {meter['status']}.")
    before = dict(meter)
    meter |= {"status": to, "status_transitions": {"deactivated_at": at}, "updated": call.world.now}
    emit(call, f"billing.meter.{'deactivated' if at else 'reactivated'}", meter, before)
    return meter


@route("post", "/v1/billing/meter_events", "event_name", "payload", "identifier", "timestamp")
def create_meter_event(call: Call) -> Obj:
    """Taken or refused at once; whether it counts shows later. An identifier is refused again for a day, and then counts."""
    world, params = call.world, call.params
    meter = next((m for m in world.stripe["meters"].values() if m["event_name"] == params["event_name"]), None)
    if meter is None:
        raise invalid(f"No active meter found for event name {params['event_name']}.", param="event_name",
                      code="no_meter")  # fmt: skip
    if meter["status"] != "active":
        raise invalid("The meter is archived.", param="event_name", code="archived_meter")
    moment = params.get("timestamp", world.now)
    if moment < world.now - OLDEST:
        raise invalid("The timestamp must be within the past 35 calendar days.", param="timestamp",
                      code="timestamp_too_far_in_past")  # fmt: skip
    if moment > world.now + AHEAD:
        raise invalid("The timestamp must not be more than 5 minutes ahead.", param="timestamp",
                      code="timestamp_in_future")  # fmt: skip
    identifier = params.get("identifier") or world.next_id("mte")
    if any(e["identifier"] == identifier and e["created"] > world.now - DAY for e in rows_of(world, meter)):
        raise invalid(f"An event already exists with identifier {identifier}.", param="identifier")
    payload = params["payload"]
    value = value_of(meter, payload)
    customer = payload.get(meter["customer_mapping"]["event_payload_key"])
    if not customer:
        raise invalid("The payload names no customer.", param="payload", code="meter_event_no_customer_defined")
    known = customer in world.stripe["customers"] and not world.stripe["customers"][customer].get("deleted")
    error = None if known else "meter_event_customer_not_found"
    world.put("meter_events", {
        "id": world.next_id("mev"), "created": world.now, "event_name": meter["event_name"], "customer": customer,
        "identifier": identifier, "timestamp": moment, "value": value, "error": error,
    })  # fmt: skip
    return {"object": "billing.meter_event", "created": world.now, "event_name": meter["event_name"],
            "identifier": identifier, "livemode": False, "payload": dict(payload), "timestamp": moment}  # fmt: skip


def rows_of(world: World, meter: Obj) -> list[Obj]:
    return [e for e in world.stripe["meter_events"].values() if e["event_name"] == meter["event_name"]]


def value_of(meter: Obj, payload: Obj) -> str:
    """Return the value of an event: a plain number of 15 digits at most."""
    value = payload.get(meter["value_settings"]["event_payload_key"])
    if value is None or not NUMBER.fullmatch(value):
        raise invalid("The payload has no numeric value.", param="payload", code="meter_event_invalid_value")
    if len(value.lstrip("-").replace(".", "").lstrip("0")) > DIGITS:
        raise StripeRefusal(f"A value can have at most {DIGITS} digits.", param="payload",
                            code="meter_event_value_too_many_digits")  # fmt: skip
    return str(value)


@route("get", "/v1/billing/meters/{id}/event_summaries", *PAGING - {"created"}, "customer", "start_time", "end_time",
       "value_grouping_window")  # fmt: skip
def list_summaries(call: Call) -> Obj:
    """Summaries of parts of the time, whose bounds are whole minutes; none where nothing was counted. They have to be added."""
    params = call.params
    meter = get(call.world, "meters", call.ids[0], kind="billing meter")
    if "value_grouping_window" in params:
        raise NotModelled("event summaries by hour or day")
    start, end = params["start_time"], params["end_time"]
    if start % 60 or end % 60 or end <= start:
        raise invalid("start_time and end_time must align with minute boundaries.", param="start_time")
    middle = start + (end - start) // 120 * 60 if meter["default_aggregation"]["formula"] != "last" else start
    parts = [(a, b) for a, b in ((start, middle), (middle, end)) if a < b]
    rows = [summary(call.world, meter, params["customer"], a, b) for a, b in parts]
    return page(call, [r for r in rows if r["aggregated_value"]], f"/v1/billing/meters/{meter['id']}/event_summaries")


def summary(world: World, meter: Obj, customer: str, start: int, end: int) -> Obj:
    value = metering.total(world, meter, customer, start, end)
    return {"id": f"mtrsum_{meter['id']}_{start}", "object": "billing.meter_event_summary", "aggregated_value": float(value),
            "start_time": start, "end_time": end, "livemode": False, "meter": meter["id"]}  # fmt: skip


REPORT = "v1.billing.meter.error_report_triggered"


@route("get", "/v2/core/events", "types", "object_id", "limit")
def list_thin_events(call: Call) -> Obj:
    """List meters with invalid events; the event itself states the reason."""
    types, meter = call.params.get("types"), call.params.get("object_id")
    rows = [thin(e, of) for e in call.world.newest_first("meter_events") if (of := wrong(call.world, e)) is not None]
    data = [r for r in rows if meter in (None, r["related_object"]["id"]) and (types is None or r["type"] in types)]
    return {"data": data[: call.params.get("limit", 20)], "next_page_url": None, "previous_page_url": None}


@route("get", "/v2/core/events/{id}")
def retrieve_thin_event(call: Call) -> Obj:
    event = get(call.world, "meter_events", call.ids[0].replace("evt_", "mev_", 1), kind="event")
    meter = wrong(call.world, event)
    if meter is None:
        raise invalid("No such event.")
    kind = {"code": event["error"], "error_count": 1,
            "sample_errors": [{"error_message": "not counted", "request": {"identifier": event["identifier"]}}]}  # fmt: skip
    return thin(event, meter) | {"data": {"reason": {"error_count": 1, "error_types": [kind]}}}


def wrong(world: World, event: Obj) -> Obj | None:
    """Return the meter of an event that was taken and does not count, once that is found out."""
    if event["error"] is None or metering.counted_at(world, event) > world.now:
        return None
    return next(m for m in world.stripe["meters"].values() if m["event_name"] == event["event_name"])


def thin(event: Obj, meter: Obj) -> Obj:
    related = {"id": meter["id"], "type": "billing.meter", "url": f"/v1/billing/meters/{meter['id']}"}
    return {"id": event["id"].replace("mev_", "evt_", 1), "object": "v2.core.event", "type": REPORT, "created": iso(event["created"]),
            "livemode": False, "context": None, "related_object": related, "reason": None}  # fmt: skip
