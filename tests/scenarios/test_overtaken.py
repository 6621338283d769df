"""Changes that a renewal has overtaken: no line that we write is negative, and none is a bare amount (BILLING 3 and 7)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder
from stripe_sync.reporting.tables import tables
from tests.house import House
from tests.metering import subscription
from tests.scenarios.test_endings import renewed

Build = Callable[[WorldBuilder], House]


def test_a_downgrade_that_a_renewal_has_overtaken_is_a_credit_for_a_person_and_no_negative_line(
    house_of: Build, town: WorldBuilder
) -> None:
    """F9: 2 seats become 1 ten minutes before the renewal, which bills 10.00 for seats; 5.00 and 10 minutes of 5.00, 0.00."""
    house = house_of(town)
    house.reconcile()
    town.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 2
    renewed(house, town, later=900, seats=1)
    (action,) = house.plan().plan.actions
    assert (action.kind, action.due_now) == ("subscription.update", {"usd": -500})
    house.reconcile()
    found = subscription(house, "s-1")
    invoice = house.world.stripe["invoices"][found["latest_invoice"]]
    assert sorted(line["amount"] for line in invoice["lines"]["data"]) == [1000, 2000]
    assert sorted(i["quantity"] for i in found["items"]["data"]) == [1, 1]
    assert house.plan().plan.actions == []
    (credits,) = tables(house.engine, {"credits": "Credits"}, "test")
    (row,) = credits.rows
    assert (row["subscription"], row["invoice"], str(row["amount"])) == ("s-1", invoice["id"], "5.00 USD")


def test_an_upgrade_that_a_renewal_has_overtaken_is_one_unit_on_the_product_of_its_charge(
    house_of: Build, town: WorldBuilder
) -> None:
    """A bare amount would have no product, tax code or tax behaviour; 6 seats more are 30.00, and 0.01 for ten minutes."""
    house = house_of(town)
    house.reconcile()
    renewed(house, town, later=900)
    house.reconcile()
    found = subscription(house, "s-1")
    seats = next(i["price"] for i in found["items"]["data"] if i["quantity"] == 8)
    (item,) = house.objects("invoiceitems")
    assert (item["amount"], item["quantity"]) == (3001, 1)
    assert item["pricing"]["price_details"]["product"] == seats["product"]
