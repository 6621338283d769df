"""Functions of all kinds of object: lists, lookups, expansion, events."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

from sandbox.billing.test_clocks import clock_of
from sandbox.resources.stripe.routes import Call
from sandbox.world import ids
from sandbox.world.refusal import NotModelled, invalid, missing
from sandbox.world.state import EventSink, Obj, World
from sandbox.world.stripe_types import api_version

# Fields that hold an id and where the object behind it lives.
EXPANDABLE = {
    "customer": "customers",
    "product": "products",
    "default_price": "prices",
    "price": "prices",
    "latest_invoice": "invoices",
    "default_payment_method": "payment_methods",
    "subscription": "subscriptions",
    "discounts": "discounts",
    "coupon": "coupons",
    "promotion_code": "promotion_codes",
}
# Fields that are computed on request.
DERIVED: dict[tuple[str, str], Callable[[World, Obj], Obj]] = {}
# Fields that an answer contains only on request.
HIDDEN = {
    "price": ("tiers", "currency_options", "unlisted"),
    "product": ("unlisted",),
    "subscription": ("debits_known",),
    "subscription_item": ("counts_from",),
    "customer": ("tax", "subscriptions", "sources"),
    "coupon": ("applies_to", "currency_options"),
    "discount": ("terms", "created", "coupon_deleted"),
    "payment_method": ("detached",),
    "invoiceitem": ("created", "gone", "credits"),
    "line_item": ("credits", "tax_rates", "one_off"),
    "invoice": ("collection", "removed"),
}


# Filters of lists that name an object, and where it lives.
FILTERS = {
    "customer": "customers", "subscription": "subscriptions", "product": "products", "invoice": "invoices",
    "price": "prices", "coupon": "coupons", "payment_intent": "payment_intents",
}  # fmt: skip
# What error messages call the objects of a collection.
NAMES = {
    "products": "product", "prices": "price", "coupons": "coupon", "customers": "customer", "invoices": "invoice",
    "subscriptions": "subscription", "subscription_items": "subscription item", "invoiceitems": "Invoice Item",
    "payment_methods": "PaymentMethod", "promotion_codes": "promotion code", "tax_rates": "tax rate", "events": "event",
    "refunds": "refund", "credit_notes": "credit note", "payment_intents": "payment_intent", "meters": "billing meter",
    "subscription_schedules": "schedule", "test_clocks": "test clock", "sessions": "checkout.session",
    "configurations": "billing_portal.configuration", "balance_transactions": "customer balance transaction",
}  # fmt: skip


def get(world: World, collection: str, id: str, *, kind: str, param: str | None = None, status: int = 404) -> Obj:
    """Return the object of an id. An unknown id is refused as Stripe does: 404 in a path, 400 in a parameter."""
    found = world.stripe[collection].get(id)
    if found is None:
        raise missing(kind, id, param=param, status=status)
    return found


def listed(call: Call, collection: str, keep: Callable[[Obj], bool] = lambda _: True) -> Obj:
    """Return a page of a collection, newest first."""
    check_filters(call)
    created = call.params.get("created")
    rows = [
        o
        for o in call.world.newest_first(collection)
        if not (o.get("deleted") or o.get("unlisted")) and keep(o) and in_range(o, created) and is_in_scope(call, o)
    ]
    return page(call, rows, f"/v1/{collection}")


def is_in_scope(call: Call, obj: Obj) -> bool:
    """Return whether a list shows an object; on a test clock only by its clock, customer, subscription or invoice."""
    if "test_clock" in call.params:
        return bool(clock_of(call.world, obj) == call.params["test_clock"])
    named = any(name in call.params for name in ("customer", "subscription", "invoice"))
    return named or clock_of(call.world, obj) is None


def check_filters(call: Call) -> None:
    """Refuse a filter by the id of an object that was never there (FACTS_A 60, FACTS_B 85)."""
    for name, collection in FILTERS.items():
        id = call.params.get(name)
        if isinstance(id, str) and id not in call.world.stripe[collection] and id not in call.world.graves:
            raise missing(NAMES[collection], id, param=name, status=400)


def page(call: Call, rows: list[Obj], url: str, removed: dict[str, str | None] | None = None) -> Obj:
    """Return ``limit`` rows from a cursor on: 10 by default; 0 acts as 1 and more than 100 as 100.

    ``removed`` names, of each row that was taken out, the one that followed it.
    """
    limit = call.params.get("limit", 10)
    if limit < 0:
        raise invalid(f"Invalid non-negative integer: {limit}", param="limit")
    limit = min(max(limit, 1), 100)
    if call.params.get("starting_after") and call.params.get("ending_before"):
        raise invalid("Received both starting_after and ending_before parameters. Please pass in only one.")
    collection = url.rsplit("/", 1)[-1]
    if call.params.get("ending_before"):
        end = place(call, rows, collection, "ending_before", removed or {})[0]
        start = max(0, end - limit)
        data, more = rows[start:end], start > 0
    else:
        given = call.params.get("starting_after")
        start = place(call, rows, collection, "starting_after", removed or {})[1] if given else 0
        data, more = rows[start : start + limit], start + limit < len(rows)
    return {"object": "list", "url": url, "has_more": more, "data": data}


def place(call: Call, rows: list[Obj], collection: str, param: str, removed: dict[str, str | None]) -> tuple[int, int]:
    """Return (the index where the rows newer than a cursor end, the index where the older ones begin).

    The cursor may be the id of an object that was deleted (FACTS_B 111); an unknown one is refused, and so is one that
    the list's filters leave out (SB 10.2).
    """
    world, cursor = call.world, call.params[param]
    if cursor in removed:
        ids = [row["id"] for row in rows]
        return (place_of_removed(ids, cursor, removed),) * 2
    for index, row in enumerate(rows):
        if row["id"] == cursor:
            return index, index + 1
    left = world.stripe.get(collection, {}).get(cursor, {})
    is_left = left.get("deleted") or left.get("gone")
    where, created = (collection, left["created"]) if is_left else world.graves.get(cursor, ("", 0))
    if where != collection:
        raise missing(NAMES.get(collection, "object"), cursor, param=param, status=400)
    newer = sum((row["created"], world.order[row["id"]]) > (created, world.order[cursor]) for row in rows)
    return newer, newer


def place_of_removed(ids: list[str], cursor: str, removed: dict[str, str | None]) -> int:
    """Return the index at which a row stood that was taken out."""
    follower: str | None = cursor
    while follower in removed:
        follower = removed[follower]
    return len(ids) if follower is None else ids.index(follower)


def in_range(obj: Obj, created: Any, *, of: str = "created") -> bool:
    """Return whether a time of an object is the given one, or within the given bounds."""
    if created is None:
        return True
    at = obj[of]
    if isinstance(created, int):
        return bool(at == created)
    tests = {"gt": at > created.get("gt", 0), "gte": at >= created.get("gte", 0)}
    tests |= {"lt": "lt" not in created or at < created["lt"], "lte": "lte" not in created or at <= created["lte"]}
    return all(tests[name] for name in created)


def emit(call: Call, type: str, obj: Obj, previous: Obj | None = None) -> None:
    """Record the event of a change. Without ``previous`` it tells of no attributes that changed (FACTS_A 98)."""
    written = ids.idempotency_key(call.request_id) if call.verb == "post" else None  # FACTS_A 102
    request = {"id": call.request_id, "idempotency_key": call.idempotency_key or written}
    put_event(call.world, type, obj, previous, request=request)


def changes(before: Obj, after: Obj) -> Obj:
    """Return the values that changed, as they were: of an object inside, its changed keys alone; null for a new key.

    Fields that the object itself does not show are left out.
    """
    found: Obj = {}
    hidden = HIDDEN.get(str(after.get("object")), ())
    for key in [*before, *(k for k in after if k not in before)]:
        old, new = before.get(key), after.get(key)
        if old == new or key in hidden:
            continue
        found[key] = changes(old, new) if isinstance(old, dict) and isinstance(new, dict) else copy.deepcopy(old)
    return found


def event_sink(call: Call) -> EventSink:
    """Return the recorder of the events of a request."""
    return partial(emit, call)


def record(world: World, type: str, obj: Obj, previous: Obj | None = None) -> None:
    """Record an event that time caused, and no request."""
    put_event(world, type, obj, previous, request={"id": None, "idempotency_key": None})


def put_event(world: World, type: str, obj: Obj, previous: Obj | None, *, request: Obj) -> None:
    """Record an event; none of a change that changed nothing."""
    if obj == previous:
        return
    data: Obj = {"object": copy.deepcopy(obj)}
    if previous is not None:
        data["previous_attributes"] = changes(previous, obj)
    event = {
        "id": world.next_id("evt"),
        "object": "event",
        "api_version": world.account.get("api_version", api_version()),
        "created": world.now,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": request,
        "type": type,
    }
    world.put("events", event)


def only(params: Obj, name: str, modelled: set[object]) -> None:
    """501 for a value of a parameter that Stripe knows and this sandbox does not model."""
    if name in params and params[name] not in modelled:
        raise NotModelled(f"{name}={params[name]}")
