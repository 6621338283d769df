"""Changes that a renewal has overtaken: no line that we write is negative, and none is a bare amount (BILLING 3 and 7)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.reporting.tables import tables
from tests.scenarios.test_endings import renewed
from tests.support.harness import Harness
from tests.support.metering import subscription

Build = Callable[[WorldBuilder], Harness]


def test_a_downgrade_that_a_renewal_has_overtaken_is_a_credit_for_a_person_and_no_negative_line(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """F9: 2 seats become 1 ten minutes before the renewal, which bills 10.00 for seats; 5.00 and 10 minutes of 5.00, 0.00."""
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 2
    renewed(harness, small_world, later=900, seats=1)
    (action,) = harness.plan().plan.actions
    assert (action.kind, action.due_now) == ("subscription.update", {"usd": -500})
    harness.reconcile()
    found = subscription(harness, "s-1")
    invoice = harness.world.stripe["invoices"][found["latest_invoice"]]
    assert sorted(line["amount"] for line in invoice["lines"]["data"]) == [1000, 2000]
    assert sorted(i["quantity"] for i in found["items"]["data"]) == [1, 1]
    assert harness.plan().plan.actions == []
    (credits,) = tables(harness.engine, {"credits": "Credits"}, "test")
    (row,) = credits.rows
    assert (row["subscription"], row["invoice"], str(row["amount"])) == ("s-1", invoice["id"], "5.00 USD")


def test_an_upgrade_that_a_renewal_has_overtaken_is_one_unit_on_the_product_of_its_charge(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """A bare amount would have no product, tax code or tax behaviour; 6 seats more are 30.00, and 0.01 for ten minutes."""
    harness = harness_of(small_world)
    harness.reconcile()
    renewed(harness, small_world, later=900)
    harness.reconcile()
    found = subscription(harness, "s-1")
    seats = next(i["price"] for i in found["items"]["data"] if i["quantity"] == 8)
    (item,) = harness.objects("invoiceitems")
    assert (item["amount"], item["quantity"]) == (3001, 1)
    assert item["pricing"]["price_details"]["product"] == seats["product"]


def test_a_change_that_a_renewal_has_overtaken_and_its_item_wait_together(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """6 seats more are 30.00 a month, over the limit of 20.00; the renewal bills 2 seats and the base fee, 30.00."""
    harness = harness_of(small_world)
    harness.reconcile()
    harness.limit(per_month={"usd": "20"})
    renewed(harness, small_world, later=900)
    (waiting,) = harness.plan().guard_results
    assert (waiting.decision, len(waiting.actions)) == ("wait", 2)
    assert (waiting.due_now, waiting.per_month) == ({"usd": 3001}, {"usd": 3000})
    harness.reconcile()
    assert harness.objects("invoiceitems") == [], "nothing is charged before the change is permitted"
    harness.later(5000)
    invoice = harness.world.stripe["invoices"][subscription(harness, "s-1")["latest_invoice"]]
    assert (invoice["status"], invoice["total"]) == ("open", 3000)


def test_an_item_of_an_overtaken_change_that_was_interrupted_is_charged_once(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """The run ends between both writes, and the draft goes out with the item; the change is made and asks for nothing."""
    harness = harness_of(small_world)
    harness.reconcile()
    renewed(harness, small_world, later=900)
    harness.world.faults.append(Fault("POST", "/v1/subscriptions/", status=400))
    harness.reconcile()
    assert [item["amount"] for item in harness.objects("invoiceitems")] == [3001]
    harness.later(5000)
    harness.reconcile()
    found = subscription(harness, "s-1")
    invoice = harness.world.stripe["invoices"][found["latest_invoice"]]
    assert (invoice["status"], invoice["total"]) == ("open", 6001)
    assert sorted(item["quantity"] for item in found["items"]["data"]) == [1, 8]
    assert [item["amount"] for item in harness.objects("invoiceitems")] == [3001]
    assert harness.plan().plan.actions == []
