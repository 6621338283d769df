"""What is a renewal, and what the customer's balance did to it (findings F10 and F21)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder
from stripe_sync.pipeline.usage_audit import audit
from tests.house import House
from tests.metering import (
    DAY,
    HOUR,
    MINUTE,
    cycle,
    lines,
    metered_world,
    month_end,
    period_end,
    subscription,
    until,
    use,
)

Build = Callable[[WorldBuilder], House]


def test_usage_never_goes_on_the_last_invoice_of_a_cancellation(house_of: Build) -> None:
    """F10, FACTS_A 32, SB 2.7: its reason is ``subscription_cycle``, and its credit, with whatever is on it, reaches nobody."""
    house = house_of(metered_world())
    house.reconcile()
    until(house, period_end(house) - 10 * DAY)
    use(house, 1234, house.world.now - HOUR)
    house.reconcile()
    house.usage()
    house.stripe().v1.subscriptions.cancel(subscription(house)["id"], {"prorate": True, "invoice_now": True})
    last = cycle(house)
    assert (last["status"], last["total"] < 0) == ("draft", True)
    house.later(1)
    house.reconcile()
    house.usage()
    assert lines(house.world.stripe["invoices"][last["id"]]) == []
    (own,) = [i for i in house.objects("invoices") if i["billing_reason"] == "manual"]
    assert lines(own) == [("1234", 333)], "1234 x 0.27 cents are 3.33 USD, on an invoice of our own"


def test_the_audit_of_a_month_says_what_the_balance_did(house_of: Build) -> None:
    """F21, FACTS_A 20-23: 20.00 and 1234 calls at 0.0027 (3.33) are 23.33; 5.00 of credit leaves 18.33 to pay."""
    house = house_of(metered_world())
    end = month_end(house)
    house.usage()
    house.world.stripe["customers"][subscription(house)["customer"]]["balance"] = -500
    until(house, end + HOUR + MINUTE)
    house.usage()
    invoice = cycle(house)
    assert (invoice["total"], invoice["amount_due"], invoice["starting_balance"]) == (2333, 1833, -500)
    session = house.session()
    (row,) = [r for r in audit(session, f"{session.clock.now():%Y-%m}") if r["invoice"] == invoice["id"]]
    session.close()
    assert (row["expected"], row["invoiced"], row["difference"]) == (2333, 2333, 0)
    assert (row["total"], row["balance"], row["due"]) == (2333, -500, 1833)
