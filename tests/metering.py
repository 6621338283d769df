"""What stories of usage have alike: moments, what is used, invoices, the ledger, meters."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.world.state import iso
from stripe_sync.core.money import plain
from stripe_sync.core.settings import UsageMeter
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.warehouse.usage import usage_windows
from tests.house import House

MINUTE, HOUR, DAY = 60, 3600, 86_400
LEAD = 65 * MINUTE  # how far ahead a requested time is where Stripe refuses less than an hour (short_leads_refused)


def metered_world() -> WorldBuilder:
    """A plan of 20 a month and 0.0027 a call, with one customer who began three hours ago."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    world.plan("pro", "Pro", [flat(20), usage("calls", 0.0027)])
    world.customer("c-1", "Customer 1", "c1@example.test")
    world.subscription("s-1", "c-1", "pro")
    return world


def subscription(house: House, id: str = "s-1") -> dict[str, Any]:
    (found,) = [s for s in house.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return found


def period_end(house: House, id: str = "s-1") -> int:
    end: int = subscription(house, id)["items"]["data"][0]["current_period_end"]
    return end


def use(house: House, value: float, at: int, **more: Any) -> None:
    row = {"customerId": "c-1", "featureId": "calls", "resourceId": None, "value": value} | more
    house.world.stigg["usage"].append(row | {"timestamp": iso(at)})


def until(house: House, moment: int) -> None:
    house.later(moment - house.world.now)


def cycle(house: House, id: str = "s-1") -> dict[str, Any]:
    """The newest invoice of a renewal."""
    its = [i for i in house.objects("invoices") if i["billing_reason"] == "subscription_cycle"
           and i["parent"]["subscription_details"]["subscription"] == subscription(house, id)["id"]]  # fmt: skip
    return max(its, key=lambda i: i["created"])


def lines(invoice: dict[str, Any]) -> list[tuple[str, int]]:
    """(quantity, amount) of the lines that are not items of the subscription."""
    return [(line["quantity_decimal"], line["amount"]) for line in invoice["lines"]["data"]
            if line["parent"]["type"] == "invoice_item_details"]  # fmt: skip


def month_end(house: House, value: float = 1234) -> int:
    """Reconciles, uses something two minutes before the period ends, and moves to a minute after it; gives the end."""
    house.reconcile()
    end = period_end(house)
    until(house, end - 3 * MINUTE)
    house.reconcile()
    use(house, value, end - 2 * MINUTE)
    until(house, end + MINUTE)
    return end


def ledger(house: House) -> dict[str, tuple[str, int]]:
    """(quantity, amount) of all windows by state, without what is empty; their sum is what Stigg reported."""
    with house.engine.connect() as connection:
        rows = usage_windows.in_states(connection, "test", UsageState)
    found: dict[str, list[Decimal]] = {}
    for window in rows:
        assert sum(b.quantity for b in window.balances.values()) == (window.quantity or 0), "conserved (invariant 10)"
        for state, balance in window.balances.items():
            total = found.setdefault(state, [Decimal(0), Decimal(0)])
            total[0] += balance.quantity
            total[1] += balance.amount
    return {s: (plain(q), int(a)) for s, (q, a) in found.items() if q or a}


def meter(house: House, name: str = "calls") -> str:
    """A meter that sums, made by hand as docs/operations.md says."""
    made = house.stripe().v1.billing.meters.create(
        {"display_name": name, "event_name": name, "default_aggregation": {"formula": "sum"}}
    )
    return str(made.id)


def by_meter(house: House, decimals: int = 0) -> str:
    """Reconciles, then has calls billed by a meter; gives its id."""
    id = meter(house)
    house.change(usage_meters={"calls": UsageMeter(id, decimals)})
    return id


def events(house: House) -> list[str]:
    return [e["value"] for e in house.objects("meter_events")]


def metered_lines(invoice: dict[str, Any]) -> list[tuple[str, int]]:
    return [(line["quantity_decimal"], line["amount"]) for line in invoice["lines"]["data"]
            if line["period"]["end"] <= invoice["created"]]  # fmt: skip


def prices(house: House) -> list[dict[str, Any]]:
    """The recurring parts of the prices of a subscription's items."""
    return [item["price"]["recurring"] for item in subscription(house)["items"]["data"]]
