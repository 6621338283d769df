"""Random month ends: whatever was used, reported late, reset or broken off, every invoice bills exactly that (invariant 10).

The oracle (tests/oracles/tariffs.py) reads the reports and the price lists alone. The seed rotates and is printed by ``make test``; TEST_SEED runs a certain one again, TEST_MONTHS how many.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat
from sandbox.world.state import Fault, Obj, iso
from stripe_sync.core.errors import FatalError, StripeSyncError
from stripe_sync.core.settings import UsageMeter
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.warehouse.usage import usage_windows
from tests.oracles.tariffs import DIGITS, Tariff, random_tariff
from tests.support.cases import SEED
from tests.support.harness import Harness
from tests.support.metering import meter

Build = Callable[[WorldBuilder], Harness]
MINUTE, HOUR, DAY = 60, 3600, 86_400
MONTHS = int(os.environ.get("TEST_MONTHS", "1"))
STATES = (
    None,
    "pending",
    "pushed",
    "proven",
    "billed",
    "reversed",
    "waived",
    "unbillable",
    "billed_before_us",
    "rounded",
)


@dataclass
class MonthEnds:
    """A world with the tariff of each customer."""

    builder: WorldBuilder
    tariffs: dict[str, Tariff]


def month_ends(rng: random.Random) -> MonthEnds:
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    tariffs = {}
    for number in range(1, 4):
        id, price = f"c-{number}", random_tariff(rng)
        world.plan(f"p-{number}", f"P {number}", [flat(20, currency=price.currency.upper()), price.charge()])
        world.customer(id, f"Customer {number}", f"{id}@example.test")
        resource = {"resource": {"resourceId": f"r-{number}"}} if rng.random() < 0.3 else {}
        world.subscription(f"s-{number}", id, f"p-{number}", hours_ago=rng.randint(1, 3), **resource)
        tariffs[id] = price
    return MonthEnds(world, tariffs)


def report(harness: Harness, customer: str, at: int, value: str | None) -> None:
    """One report of usage, or the reset of its running value (None)."""
    number = customer.partition("-")[2]
    row = next(s for s in harness.world.stigg["subscriptions"] if s["subscriptionId"] == f"s-{number}")
    resource = (row.get("resource") or {}).get("resourceId")
    what: Obj = {"value": float(value)} if value is not None else {"reset": True}
    harness.world.stigg["usage"].append(
        {"customerId": customer, "featureId": "calls", "resourceId": resource, "timestamp": iso(at)} | what
    )


def quantity(harness: Harness, customer: str, start: int, end: int) -> Fraction:
    """Return the usage in [start, end), straight from the reports."""
    return sum(
        (Fraction(str(row["value"])) for row in harness.world.stigg["usage"]
         if row["customerId"] == customer and "value" in row and iso(start) <= row["timestamp"] < iso(end)),
        Fraction(0),
    )  # fmt: skip


def live(rng: random.Random, harness: Harness, customer: str, start: int, end: int) -> None:
    """A month's reports: at its very edges too, in fractions, taken back, and with resets."""
    for _ in range(rng.randint(0, 5)):
        at = rng.choice([start, end - 1, rng.randrange(start, end)])
        report(harness, customer, at, rng.choice(["1", "7", "0.5", "123", "1000", "31.25"]))
    for _ in range(rng.randint(0, 2)):
        report(harness, customer, rng.choice([start, rng.randrange(start, end)]), None)


def periods(harness: Harness) -> dict[str, tuple[int, int]]:
    """The running period of each customer's subscription."""
    found = {}
    for s in harness.objects("subscriptions"):
        item = s["items"]["data"][0]
        found["c-" + s["metadata"]["stiggEntityId"].partition("-")[2]] = (
            item["current_period_start"],
            item["current_period_end"],
        )
    return found


def attempt(harness: Harness) -> None:
    """A run of the job, which may break off."""
    try:
        harness.usage()
    except FatalError as stopped:
        assert "not billed" not in str(stopped), stopped
    except StripeSyncError:
        pass


@pytest.mark.parametrize("number", range(MONTHS))
def test_every_invoice_bills_exactly_what_was_used(harness_of: Build, number: int) -> None:
    seed = SEED * 1000 + number
    rng = random.Random(seed)
    made = month_ends(rng)
    harness = harness_of(made.builder)
    harness.change(workers=rng.choice([1, 4]), usage={"reset_semantics": rng.choice(["after", "before"])})
    harness.world.unknowns["reset_point_is_after"] = harness.environment.usage.reset_semantics == "after"
    harness.world.unknowns["item_ties_up"] = bool(number % 2)
    if rng.random() < 0.4:
        harness.change(usage={"meters": {"calls": UsageMeter(meter(harness), 2)}})
    harness.limit(due_now=dict.fromkeys(DIGITS, "1000000"), per_month=dict.fromkeys(DIGITS, "1000000"))
    harness.reconcile()
    harness.reconcile()
    harness.attempts = 2
    expected: dict[tuple[str, int], tuple[int, int]] = {}
    for _ in range(2):
        month = periods(harness)
        for customer, (start, end) in month.items():
            live(rng, harness, customer, start, end)
        until(harness, min(end for _, end in month.values()) - 5 * MINUTE)
        harness.reconcile()
        last = max(end for _, end in month.values())
        corrected: set[str] = set()
        while harness.world.now < last + HOUR + 30 * MINUTE:
            harness.later(10 * MINUTE)
            if rng.random() < 0.3:
                path, method = rng.choice(
                    [
                        ("/v1/invoiceitems", "POST"),
                        ("/v1/invoices", "GET"),
                        ("UsageHistory", "STIGG"),
                        ("/v1/billing/meter_events", "POST"),
                        ("/v1/billing/meters", "GET"),
                    ]
                )
                kind = rng.choice(["status", "reset", "truncate"])
                harness.world.faults.append(
                    Fault(method, path, nth=rng.randint(1, 3), kind=kind, when=rng.choice(["before", "after"]))
                )
            for customer, (start, end) in month.items():
                if (
                    customer not in corrected
                    and end + 12 * MINUTE <= harness.world.now < end + 30 * MINUTE
                    and rng.random() < 0.4
                ):
                    corrected.add(customer)
                    report(harness, customer, rng.randrange(start, end), rng.choice(["5", "40", "-3"]))
            attempt(harness)
        harness.world.faults.clear()
        for _ in range(6):  # a meter counts its events late, and a held draft is finalized an hour after its release
            attempt(harness)
            harness.later(10 * MINUTE)
        for customer, (start, end) in month.items():
            expected[customer, end] = (start, end)
    harness.usage()
    for (customer, _), (start, end) in expected.items():
        used = quantity(harness, customer, start, end)
        should = made.tariffs[customer].minor(used, ties_up=harness.world.unknowns["item_ties_up"])
        assert billed(harness, customer, end) == should, (seed, customer, used)
    assert conserved(harness) == {"billed"}, seed


def until(harness: Harness, moment: int) -> None:
    harness.later(moment - harness.world.now)


def billed(harness: Harness, customer: str, end: int) -> int:
    """Return the amount of a renewal's invoice without the subscription's own items; it must be finalized."""
    number = customer.partition("-")[2]
    (subscription,) = [s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == f"s-{number}"]
    (invoice,) = [
        i for i in harness.objects("invoices")
        if i["billing_reason"] == "subscription_cycle" and i["created"] == end
        and i["parent"]["subscription_details"]["subscription"] == subscription["id"]
    ]  # fmt: skip
    assert invoice["status"] in ("open", "paid")
    by_item = sum(li["amount"] for li in invoice["lines"]["data"] if li["parent"]["type"] == "invoice_item_details")
    by_meter = sum(li["amount"] for li in invoice["lines"]["data"] if li["period"]["end"] == end != li["period"]["start"]
                   and li["parent"]["type"] == "subscription_item_details")  # fmt: skip
    assert not (by_item and by_meter), "never by both"
    return by_item + by_meter


def conserved(harness: Harness) -> set[str]:
    """The states in which anything is, after each window's quantity was found to be the sum of its states."""
    with harness.engine.connect() as connection:
        windows = usage_windows.in_states(connection, "test", set(UsageState) - {UsageState.REPORTED})
    for window in windows:
        assert sum(b.quantity for b in window.balances.values()) == window.quantity
    ends: dict[tuple[str, str], Any] = {}
    for window in sorted(windows, key=lambda w: w.start):
        timeline = (window.subscription, window.charge)
        assert ends.setdefault(timeline, window.start) == window.start, "no gap and no overlap"
        ends[timeline] = window.end
    return {str(w.state) for w in windows}
