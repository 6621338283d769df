"""Helpers of usage stories: times, usage, invoices, the ledger, meters."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.world.state import iso
from stripe_sync.core.money import plain
from stripe_sync.core.settings import UsageMeter
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.jobs.finance.month_audit import audit
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse.usage import usage_windows
from tests.support.harness import Harness

MINUTE, HOUR, DAY = 60, 3600, 86_400
LEAD = 65 * MINUTE  # how far ahead a requested time is where Stripe refuses less than an hour (short_leads_refused)


def metered_world() -> WorldBuilder:
    """Return a plan of 20 a month and 0.0027 a call, with one customer who began three hours ago."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    world.plan("pro", "Pro", [flat(20), usage("calls", 0.0027)])
    world.customer("c-1", "Customer 1", "c1@example.test")
    world.subscription("s-1", "c-1", "pro")
    return world


def subscription(harness: Harness, id: str = "s-1") -> dict[str, Any]:
    (found,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return found


def period_end(harness: Harness, id: str = "s-1") -> int:
    end: int = subscription(harness, id)["items"]["data"][0]["current_period_end"]
    return end


def use(harness: Harness, value: float, at: int, **more: Any) -> None:
    row = {"customerId": "c-1", "featureId": "calls", "resourceId": None, "value": value} | more
    harness.world.stigg["usage"].append(row | {"timestamp": iso(at)})


def until(harness: Harness, moment: int) -> None:
    harness.later(moment - harness.world.now)


def cycle(harness: Harness, id: str = "s-1") -> dict[str, Any]:
    """Return the newest invoice of a renewal."""
    its = [i for i in harness.objects("invoices") if i["billing_reason"] == "subscription_cycle"
           and i["parent"]["subscription_details"]["subscription"] == subscription(harness, id)["id"]]  # fmt: skip
    return max(its, key=lambda i: i["created"])


def lines(invoice: dict[str, Any]) -> list[tuple[str, int]]:
    """(quantity, amount) of the lines that are not items of the subscription."""
    return [(line["quantity_decimal"], line["amount"]) for line in invoice["lines"]["data"]
            if line["parent"]["type"] == "invoice_item_details"]  # fmt: skip


def month_end(harness: Harness, value: float = 1234) -> int:
    """Reconciles, uses something two minutes before the period ends, and moves to a minute after it; gives the end."""
    harness.reconcile()
    end = period_end(harness)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    use(harness, value, end - 2 * MINUTE)
    until(harness, end + MINUTE)
    return end


def ledger(harness: Harness) -> dict[str, tuple[str, int]]:
    """(quantity, amount) of all windows by state, without what is empty; their sum is what Stigg reported."""
    with harness.engine.connect() as connection:
        rows = usage_windows.in_states(connection, "test", UsageState)
    found: dict[str, list[Decimal]] = {}
    for window in rows:
        assert sum(b.quantity for b in window.balances.values()) == (window.quantity or 0), "conserved (invariant 10)"
        for state, balance in window.balances.items():
            total = found.setdefault(state, [Decimal(0), Decimal(0)])
            total[0] += balance.quantity
            total[1] += balance.amount
    return {s: (plain(q), int(a)) for s, (q, a) in found.items() if q or a}


def meter(harness: Harness, name: str = "calls") -> str:
    """Return a meter that sums, made by hand as docs/operations.md says."""
    made = harness.stripe().v1.billing.meters.create(
        {"display_name": name, "event_name": name, "default_aggregation": {"formula": "sum"}}
    )
    return str(made.id)


def by_meter(harness: Harness, decimals: int = 0) -> str:
    """Reconciles, then has calls billed by a meter; gives its id."""
    id = meter(harness)
    harness.change(usage={"meters": {"calls": UsageMeter(id, decimals)}})
    return id


def events(harness: Harness) -> list[str]:
    return [e["value"] for e in harness.objects("meter_events")]


def metered_lines(invoice: dict[str, Any]) -> list[tuple[str, int]]:
    return [(line["quantity_decimal"], line["amount"]) for line in invoice["lines"]["data"]
            if line["period"]["end"] <= invoice["created"]]  # fmt: skip


def prices(harness: Harness) -> list[dict[str, Any]]:
    """Return the recurring parts of the prices of a subscription's items."""
    return [item["price"]["recurring"] for item in subscription(harness)["items"]["data"]]


def audited(session: Session, month: str) -> list[dict[str, Any]]:
    """Return the lines of the audit of a month."""
    return [asdict(line) for line in audit(session, month)]
