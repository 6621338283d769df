"""Test clocks: made, advanced and deleted; what a request on an object of one finds and is refused (SB 10.8).

An advance is under way until the clock was read ``limits.clock_polls`` times (2); until then objects on the clock are read as
they were and cannot be changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sandbox.billing import renewals, test_clocks
from sandbox.resources.stripe.objects import emit, get, page, record
from sandbox.resources.stripe.routes import PAGING, Call, Route, route
from sandbox.world.refusal import StripeRefusal, invalid, missing
from sandbox.world.state import Obj, World

PATH = "/v1/test_helpers/test_clocks"
MONTH = 30 * 86_400
CUSTOMERS, SUBSCRIPTIONS = 3, 3
# Parameters by which a request names an object that may be on a clock.
REFERENCE_FIELDS = ("customer", "subscription", "invoice", "from_subscription", "test_clock")


@route("post", PATH, "frozen_time", "name")
def create_clock(call: Call) -> Obj:
    world, params = call.world, call.params
    clock = {
        "id": world.next_id("clock"), "object": "test_helpers.test_clock", "created": world.now,
        "deletes_after": world.now + MONTH, "frozen_time": params["frozen_time"], "livemode": False,
        "name": params.get("name"), "status": "ready", "status_details": {"advancing": None},
    }  # fmt: skip
    emit(call, "test_helpers.test_clock.created", world.put("test_clocks", clock))
    return clock


@route("get", f"{PATH}/{{test_clock}}")
def retrieve_clock(call: Call) -> Obj:
    """The clock; the last of the polls that an advance takes finds it ready."""
    clock = find(call.world, call.ids[0])
    if clock["status"] == "advancing":
        polls = call.world.call_state.setdefault(clock["id"], {"polls": 0})
        polls["polls"] += 1
        if polls["polls"] >= call.world.limits.get("clock_polls", 2):
            del call.world.call_state[clock["id"]]
            test_clocks.advance(call.world, clock, partial(record, call.world))
            emit(call, "test_helpers.test_clock.ready", clock)
    return clock


@route("get", PATH, *PAGING - {"created"})
def list_clocks(call: Call) -> Obj:
    return page(call, call.world.newest_first("test_clocks"), PATH)


@route("post", f"{PATH}/{{test_clock}}/advance", "frozen_time")
def advance_clock(call: Call) -> Obj:
    """Begin an advance, of two intervals at most."""
    world, clock, target = call.world, find(call.world, call.ids[0]), call.params["frozen_time"]
    refuse_while_advancing(clock)
    if target <= clock["frozen_time"]:
        raise invalid("The `frozen_time` must be after the current frozen time of the test clock.", param="frozen_time")
    latest = test_clocks.latest_target(world, clock)
    if target > latest:
        raise invalid(too_far(clock["frozen_time"], latest), param="frozen_time")
    clock |= {"status": "advancing", "status_details": {"advancing": {"target_frozen_time": target}}}
    emit(call, "test_helpers.test_clock.advancing", clock)
    return clock


@route("delete", f"{PATH}/{{test_clock}}")
def delete_clock(call: Call) -> Obj:
    """Delete its customers with it."""
    clock = find(call.world, call.ids[0])
    refuse_while_advancing(clock)
    test_clocks.delete(call.world, clock, partial(record, call.world))
    return {"id": clock["id"], "object": "test_helpers.test_clock", "deleted": True}


def too_far(now: int, latest: int) -> str:
    """Return Stripe's sentence for an advance that is too long."""
    times = [f"{at} ({datetime.fromtimestamp(at, UTC).strftime('%Y-%m-%d %H:%M:%S')} UTC)" for at in (now, latest)]
    return (
        f"The frozen time of this clock is {times[0]}. You can only advance it up to {times[1]}. You can only advance "
        "a test clock up to two intervals from the current frozen time at a time, based on the shortest subscription "
        "interval in the test clock."
    )


def find(world: World, id: str, *, status: int = 404) -> Obj:
    """Return the clock of an id; 404 for another account's."""
    return get(world, "test_clocks", id, kind="test clock", param="test_clock", status=status)


def refuse_while_advancing(clock: Obj) -> None:
    if clock["status"] == "advancing":
        raise StripeRefusal(
            f"Test clock advancement underway - cannot perform modifications: {clock['id']}", status=429
        )


@contextmanager
def in_its_time(route: Route, call: Call) -> Iterator[None]:
    """Let a request on an object of a clock see the clock's time; refuse what a clock does not allow."""
    clock = named_clock(route, call)
    if clock is None:
        yield
        return
    if route.verb != "get":
        refuse_while_advancing(clock)
        refuse_too_many(route, call, clock)
    now, call.world.now = call.world.now, clock["frozen_time"]
    try:
        yield
    finally:
        call.world.now = now


def named_clock(route: Route, call: Call) -> Obj | None:
    """Return the clock of the object that a request names in its path or its parameters."""
    if route.path.startswith(PATH):
        return None
    given = call.params.get("test_clock") if route.verb == "post" else None
    if given and given not in call.world.stripe["test_clocks"]:
        raise missing("test clock", given, param="test_clock", status=400)
    if not call.world.stripe["test_clocks"]:
        return None
    payload: Any = call.params.get("payload") or {}
    names = [*call.ids, *(call.params.get(name) for name in REFERENCE_FIELDS), *payload.values()]
    clocks = (clock_named(call.world, str(name)) for name in names if name)
    return next((clock for clock in clocks if clock), None)


def clock_named(world: World, id: str) -> Obj | None:
    """Return the clock of an id, or of the object of an id."""
    for collection, rows in world.stripe.items():
        if collection != "events" and id in rows:
            found = id if collection == "test_clocks" else test_clocks.clock_of(world, rows[id])
            return world.stripe["test_clocks"].get(str(found))
    owner = next((s for s, item in world.items() if item["id"] == id), None) if id.startswith("si_") else None
    return clock_named(world, owner["id"]) if owner else None


def refuse_too_many(route: Route, call: Call, clock: Obj) -> None:
    """Refuse the fourth customer of a clock, and the fourth subscription of a customer on one."""
    if route.path == "/v1/customers" and len(test_clocks.customers_of(call.world, clock)) >= CUSTOMERS:
        raise invalid(f"A test clock can have at most {CUSTOMERS} customers.", param="test_clock")
    if route.path == "/v1/subscriptions":
        customer = call.params.get("customer")
        subscriptions = call.world.stripe["subscriptions"].values()
        living = [s for s in subscriptions if s["customer"] == customer and s["status"] not in renewals.ENDED]
        if len(living) >= SUBSCRIPTIONS:
            raise invalid(
                f"A customer on a test clock can have at most {SUBSCRIPTIONS} subscriptions.", param="customer"
            )
