"""What all kinds of object share: lists, lookups, expansion, events."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from sandbox.billing.test_clocks import clock_of
from sandbox.resources.stripe.routes import Call
from sandbox.world.refusal import NotModelled, invalid, missing
from sandbox.world.state import Obj, Told, World
from sandbox.world.stripe_types import api_version

EMBEDDED = 10  # rows of a list inside of an object
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
}
# Fields that are worked out when they are asked for.
DERIVED: dict[tuple[str, str], Callable[[World, Obj], Obj]] = {}
# Fields that an answer carries only when they are asked for.
HIDDEN = {
    "price": ("tiers", "currency_options"),
    "customer": ("tax", "subscriptions", "sources"),
    "coupon": ("applies_to", "currency_options"),
    "discount": ("terms", "created"),
    "invoiceitem": ("created",),
    "invoice": ("collection",),
}


def get(world: World, collection: str, id: str, *, kind: str, param: str = "id", status: int = 404) -> Obj:
    """The object of an id. A foreign or unknown id is refused as Stripe does: 404 in a path, 400 in a parameter."""
    found = world.stripe[collection].get(id)
    if found is None:
        raise missing(kind, id, param=param, status=status)
    return found


def listed(call: Call, collection: str, keep: Callable[[Obj], bool] = lambda _: True) -> Obj:
    """A page of a collection, newest first."""
    created = call.params.get("created")
    rows = [
        o
        for o in call.world.newest_first(collection)
        if not o.get("deleted") and keep(o) and in_range(o, created) and is_in_scope(call, o)
    ]
    return page(call, rows, f"/v1/{collection}")


def is_in_scope(call: Call, obj: Obj) -> bool:
    """Whether a list shows an object: what is on a test clock only by its clock, customer, subscription or invoice."""
    if "test_clock" in call.params:
        return bool(clock_of(call.world, obj) == call.params["test_clock"])
    named = any(name in call.params for name in ("customer", "subscription", "invoice"))
    return named or clock_of(call.world, obj) is None


def page(call: Call, rows: list[Obj], url: str) -> Obj:
    """``limit`` rows from a cursor on; 10 unless said otherwise, 100 at most."""
    limit = call.params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid(f"Invalid limit: {limit}; must be between 1 and 100", param="limit")
    ids = [row["id"] for row in rows]
    after, before = call.params.get("starting_after"), call.params.get("ending_before")
    if after and before:
        raise invalid("You can only specify one of starting_after and ending_before", param="starting_after")
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor and cursor not in ids:
            raise missing("object", cursor, param=name, status=400)
    if before:
        end = ids.index(before)
        start = max(0, end - limit)
        data, more = rows[start:end], start > 0
    else:
        start = ids.index(after) + 1 if after else 0
        data, more = rows[start : start + limit], start + limit < len(rows)
    return {"object": "list", "url": url, "has_more": more, "data": data}


def in_range(obj: Obj, created: Any) -> bool:
    if created is None:
        return True
    at = obj["created"]
    if isinstance(created, int):
        return bool(at == created)
    tests = {"gt": at > created.get("gt", 0), "gte": at >= created.get("gte", 0)}
    tests |= {"lt": "lt" not in created or at < created["lt"], "lte": "lte" not in created or at <= created["lte"]}
    return all(tests[name] for name in created)


def shown(world: World, answer: Obj, expand: list[str]) -> Obj:
    """A copy of the answer with what was asked to be expanded, and without what is shown only then."""
    result = copy.deepcopy(answer)
    for path in expand:
        parts = path.split(".")
        if len(parts) > 4:
            raise invalid("You cannot expand more than 4 levels of a property", param="expand")
        expand_path(world, result, parts, path)
    hide(result, kept={path.rsplit(".", 1)[-1] for path in expand})
    for part in result.values():
        for row in part if result.get("object") == "list" and isinstance(part, list) else [part]:
            shorten(row)
    return result


def shorten(node: Any) -> None:
    """Cut every list inside of an object to its first ten rows (SB 10.3)."""
    if isinstance(node, list):
        for part in node:
            shorten(part)
    elif isinstance(node, dict):
        if node.get("object") == "list" and isinstance(node.get("data"), list):
            node["has_more"] = bool(node.get("has_more")) or len(node["data"]) > EMBEDDED
            del node["data"][EMBEDDED:]
        for part in node.values():
            shorten(part)


def expand_path(world: World, node: Any, parts: list[str], whole: str) -> None:
    if isinstance(node, list):
        for part in node:
            expand_path(world, part, parts, whole)
        return
    if not isinstance(node, dict):
        return
    head, *rest = parts
    if derive := DERIVED.get((str(node.get("object")), head)):
        node[head] = derive(world, node)
    value = node.get(head)
    if isinstance(value, list) and value and isinstance(value[0], str):
        value = node[head] = [copy.deepcopy(world.stripe[EXPANDABLE[head]][id]) for id in value]
    elif isinstance(value, str):
        if head not in EXPANDABLE:
            raise invalid(f"This property cannot be expanded ({whole})", param="expand")
        value = node[head] = copy.deepcopy(world.stripe[EXPANDABLE[head]][value])
    elif head not in node and head not in {h for hidden in HIDDEN.values() for h in hidden}:
        raise invalid(f"This property cannot be expanded ({whole})", param="expand")
    if rest:
        expand_path(world, value, rest, whole)


def hide(node: Any, *, kept: set[str]) -> None:
    if isinstance(node, list):
        for part in node:
            hide(part, kept=kept)
    elif isinstance(node, dict):
        for name in HIDDEN.get(str(node.get("object")), ()):
            if name not in kept:
                node.pop(name, None)
        for value in node.values():
            hide(value, kept=kept)


def emit(call: Call, type: str, obj: Obj, previous: Obj | None = None) -> None:
    """Records the event of a change, rendered with the account's own API version."""
    data: Obj = {"object": copy.deepcopy(obj)}
    if previous is not None:
        data["previous_attributes"] = {k: v for k, v in previous.items() if obj.get(k) != v}
        if not data["previous_attributes"]:
            return
    put_event(call.world, type, data, {"id": call.request_id, "idempotency_key": call.idempotency_key})


def teller(call: Call) -> Told:
    """Return what records the events of a request."""
    return lambda type, obj: emit(call, type, obj)


def record(world: World, type: str, obj: Obj) -> None:
    """The event of something that no request did, but time."""
    put_event(world, type, {"object": copy.deepcopy(obj)}, {"id": None, "idempotency_key": None})


def put_event(world: World, type: str, data: Obj, request: Obj) -> None:
    event = {
        "id": world.next_id("evt"),
        "object": "event",
        "account": None,
        "api_version": world.account.get("api_version", api_version()),
        "created": world.now,
        "context": None,
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
