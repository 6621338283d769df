"""The time of objects on a test clock: separate from the account's time, and advanced only by request.

Every object belongs to the clock of its customer, or to none. ``only`` narrows the world to the objects of one clock and
sets its time, so that everything else that handles time needs to know nothing of clocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.billing import periods, renewals
from sandbox.world.state import EventSink, Obj, World

YEAR = {"interval": "year", "interval_count": 1}


def clock_of(world: World, obj: Obj) -> str | None:
    """Return the id of the test clock that an object is on, by its own field or its customer's."""
    own = obj.get("test_clock")
    if own:
        return str(own)
    customer = world.stripe["customers"].get(str(obj.get("customer")))
    return clock_of(world, customer) if customer else None


@contextmanager
def only(world: World, clock: str | None) -> Iterator[None]:
    """Set all objects aside that are not on this clock (None: that are on any), and set the clock's time."""
    if not world.stripe["test_clocks"]:
        yield
        return
    now, whole = world.now, dict(world.stripe)
    own = {name: {id: o for id, o in rows.items() if is_on(world, o, clock)} for name, rows in whole.items()}
    kept = {name: set(rows) for name, rows in own.items()}
    world.stripe.update(own)
    world.now = whole["test_clocks"][clock]["frozen_time"] if clock else now
    try:
        yield
    finally:
        for name, rows in whole.items():
            gone = kept[name] - set(own[name])
            world.stripe[name] = {id: o for id, o in rows.items() if id not in gone} | own[name]
        if clock:
            world.now = now


def is_on(world: World, obj: Obj, clock: str | None) -> bool:
    """Return whether this clock sees an object; objects of no customer (a price, an event) are seen by all."""
    if "customer" not in obj and obj.get("object") != "customer":
        return True
    return clock_of(world, obj) == clock


def pass_time(world: World, now: int, sink: EventSink) -> None:
    """Move the account's own time; objects on clocks stay where their clocks stand, and old clocks are deleted."""
    with only(world, None):
        renewals.advance(world, now, sink)
    for clock in list(world.stripe["test_clocks"].values()):
        if clock["deletes_after"] <= now:
            delete(world, clock, sink)


def advance(world: World, clock: Obj, sink: EventSink) -> None:
    """Finish an advance that was begun: everything that falls due on the clock until its target happens."""
    target = clock["status_details"]["advancing"]["target_frozen_time"]
    with only(world, clock["id"]):
        renewals.advance(world, target, sink)
    clock |= {"frozen_time": target, "status": "ready", "status_details": {"advancing": None}}


def latest_target(world: World, clock: Obj) -> int:
    """Return the last time to which a clock may be advanced: two intervals of its shortest subscription, else two years."""
    recurring = [
        item["price"]["recurring"]
        for subscription, item in world.items()
        if subscription["status"] not in renewals.ENDED and clock_of(world, subscription) == clock["id"]
    ]
    start: int = clock["frozen_time"]
    return min((periods.shift(start, each, 2) for each in recurring), default=periods.shift(start, YEAR, 2))


def customers_of(world: World, clock: Obj) -> list[Obj]:
    """Return the living customers on a clock."""
    return [
        c for c in world.stripe["customers"].values() if c.get("test_clock") == clock["id"] and not c.get("deleted")
    ]


def delete(world: World, clock: Obj, sink: EventSink) -> None:
    """Delete a clock with its customers; their subscriptions end."""
    for customer in customers_of(world, clock):
        for subscription in world.stripe["subscriptions"].values():
            if subscription["customer"] == customer["id"] and subscription["status"] not in renewals.ENDED:
                ended = clock["frozen_time"]
                subscription |= {"status": "canceled", "canceled_at": ended, "ended_at": ended}
        sink("customer.deleted", customer)
        stone = {"id": customer["id"], "object": "customer", "deleted": True}
        world.put("customers", stone | {"created": customer["created"], "test_clock": clock["id"]})
    del world.stripe["test_clocks"][clock["id"]]
    sink("test_helpers.test_clock.deleted", clock)
