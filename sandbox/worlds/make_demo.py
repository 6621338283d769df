"""Makes worlds/demo.json: ``python -m sandbox.worlds.make_demo``. A small company on its first day with the pipeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.builder import WorldBuilder, flat, per_unit, tiered
from sandbox.world.state import Obj, parse_time

NAMES = (
    "Aurora Robotics", "Birch & Co", "Café Lumière", "Delta Freight", "Ember Studio", "Fjord Analytics", "Grün GmbH",
    "Harbor Health", "Iris Optics", "Juniper Labs", "Kestrel Maps", "Lotus Foods", "Meridian Legal", "Nimbus Games",
    "Opal Finance", "Petal Florists", "Quartz Mining", "Río Verde", "Summit Gear", "Tidewater Bank", "Umbra Films",
    "Vega Motors", "Willow Books", "Xylo Music", "Yonder Travel", "Zenith Energy", "東京デザイン", "Łódź Textiles",
)  # fmt: skip


def both(make: Callable[..., Obj], *args: Any) -> list[Obj]:
    """Return a monthly charge and its annual twin at ten times the price."""
    *head, amount = args
    return [make(*head, amount), make(*head, amount * 10, period="ANNUALLY")]


def build() -> WorldBuilder:
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("seats", "Seats")
    world.feature("projects", "Projects")
    world.feature("calls", "API calls", meterType="Incremental")
    world.plan("free", "Free", [], pricing="FREE")
    world.plan("basic", "Basic", both(flat, 20))
    world.plan("team", "Team", [*both(flat, 49), *both(per_unit, "seats", 12.5)])
    world.plan("scale", "Scale", [*both(flat, 199), *both(per_unit, "seats", 9.99), *both(per_unit, "projects", 3)])
    world.plan("enterprise", "Enterprise", [], pricing="CUSTOM")
    world.plan("bulk", "Bulk", [flat(20), tiered("seats", [(10, 8, None), (50, 6, None), (None, 5, None)])])
    world.plan(
        "api", "API", [flat(10), tiered("calls", [(1000, None, None), (None, 0.0027, None)], model="USAGE_BASED")]
    )
    world.addon("support", "Priority Support", both(flat, 99))
    world.addon("ten-seats", "10 Seats", both(flat, 80))
    for number, name in enumerate(NAMES):
        ref = f"customer-{number + 1:02d}"
        world.customer(ref, name, f"billing@example-{number + 1:02d}.test")
        if number < 24:
            paid(world, number, ref)
    world.subscription("sub-free", "customer-25", "free", method="NONE")
    world.subscription("sub-enterprise", "customer-26", "enterprise", method="NONE")
    world.subscription("sub-trial", "customer-27", "team", status="IN_TRIAL", method="CHARGE")
    world.subscription("sub-card", "customer-24", "team", units={"seats": 4}, method="CHARGE")
    world.coupon("welcome", percent=20, durationInMonths=3)
    world.coupon("thanks", off={"USD": 10, "EUR": 9})
    row = world.subscription("sub-bulk", "customer-09", "bulk", units={"seats": 60}, hours_ago=2)
    row["coupons"] = [world.applied("welcome", hours_ago=2)]
    month_end(world)
    for number in range(8):
        world.subscription(f"sub-second-{number + 1}", f"customer-{number + 1:02d}", "basic", hours_ago=number + 1)
    return world


def month_end(world: WorldBuilder) -> None:
    """Three customers whose calls are counted until two minutes before their first month ends."""
    for number, calls in enumerate((1234, 87_654, 400), 1):
        ref = f"customer-{number + 10:02d}"
        row = world.subscription(f"sub-api-{number}", ref, "api", hours_ago=1)
        end = parse_time(row["currentBillingPeriodEnd"])
        world.use(ref, "calls", calls - 34, end - 9 * 86_400)
        world.use(ref, "calls", 34, end - 120)


def paid(world: WorldBuilder, number: int, ref: str) -> None:
    """One paid subscription: the plans in turn, every fourth annual, some with add-ons."""
    plan = ("basic", "team", "scale")[number % 3]
    world.subscription(
        f"sub-{number + 1:02d}",
        ref,
        plan,
        units={"seats": 3 + number, "projects": 2},
        addons={"support": 1} if number % 5 == 0 else {"ten-seats": 2} if number % 7 == 0 else None,
        period="ANNUALLY" if number % 4 == 3 else "MONTHLY",
        hours_ago=1 + number,
    )


if __name__ == "__main__":
    build().write(Path(__file__).parent / "demo.json")
