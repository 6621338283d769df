"""Declined payments: what is kept, what is repeated and when, and what the row says (BILLING 6 and 7, F7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.jobs.runtime import manual_actions
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.warehouse.comparisons import statuses
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
HOUR, DAY = 3600, 86_400


def automatic(small_world: WorldBuilder) -> WorldBuilder:
    """Return the small world with s-1 charged automatically."""
    small_world.stigg["subscriptions"][0]["paymentCollectionMethod"] = "CHARGE"
    return small_world


def billed(harness: Harness, id: str = "s-1") -> dict[str, Any]:
    (found,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return found


def give_card(harness: Harness, last4: str, *, id: str = "", **more: Any) -> str:
    """Give the customer c-1 a card that becomes the default, as a hosted page does; return the payment method's id."""
    (found,) = [c for c in harness.objects("customers") if c["metadata"].get("stiggCustomerId") == "c-1"]
    builder = WorldBuilder(harness.world.now)
    builder.stripe_customer(id or f"{found['id']}{last4}", card=last4)
    (method,) = builder.stripe["payment_methods"]
    harness.world.put("payment_methods", method | {"customer": found["id"]} | more)
    harness.stripe().v1.customers.update(found["id"], {"invoice_settings": {"default_payment_method": method["id"]}})
    return str(method["id"])


def charging(harness: Harness) -> int:
    """Count the calls to Stripe that wrote s-1, refused ones too."""
    return sum(
        r.side == "stripe" and r.method == "POST" and r.path.startswith("/v1/subscriptions") for r in requested(harness)
    )


def requested(harness: Harness) -> Iterator[Any]:
    return iter(harness.world.requests)


def detail(harness: Harness, id: str = "s-1") -> str:
    (found,) = statuses.find(harness.engine, "test", id)
    return found.detail


def upgraded(harness_of: Build, small_world: WorldBuilder, last4: str = "0341") -> Harness:
    """A harness whose s-1 is paid by a good card, which is then replaced by one that declines; 10 more seats are the target."""
    harness = harness_of(automatic(small_world))
    harness.reconcile()
    give_card(harness, "4242")
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", "")
    give_card(harness, last4)
    small_world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 12
    harness.merge(small_world)
    return harness


def quantity(harness: Harness) -> int:
    return max(i["quantity"] for i in billed(harness)["items"]["data"])


def test_a_declined_upgrade_is_not_kept(harness_of: Build, small_world: WorldBuilder) -> None:
    """SB 11.1: without ``payment_behavior`` Stripe keeps the change although the payment failed."""
    harness = upgraded(harness_of, small_world)
    harness.reconcile()
    sent = [
        r.params
        for r in requested(harness)
        if r.path == f"/v1/subscriptions/{billed(harness)['id']}" and r.method == "POST"
    ]
    assert [p.get("payment_behavior") for p in sent if "items" in p] == ["error_if_incomplete"]
    assert (quantity(harness), billed(harness)["status"]) == (2, "active")
    assert harness.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    assert "portal link" in detail(harness)
    assert "retried after 2026-11-17 09:00 UTC" in detail(harness)


def give_status(harness: Harness, status: str) -> None:
    """Give the subscription s-1 a status in Stripe, with an event."""
    billed(harness)["status"] = status
    harness.stripe().v1.subscriptions.update(billed(harness)["id"], {"description": f"It is {status}."})


def test_an_upgrade_of_an_unpaid_subscription_waits_for_its_invoices(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """SB 12.8: Stripe would leave the invoice of the upgrade a draft that nothing collects.

    Ten more seats at 5.00 for 717 of 720 hours: 12 x 5.00 less 2 x 5.00 are 59.75 - 9.96 (995.83 rounded down to -9.96).
    """
    harness = upgraded(harness_of, small_world, "4242")
    give_status(harness, "unpaid")
    before = harness.frozen()
    for _ in range(2):
        harness.reconcile()
        assert harness.frozen() == before, "no write"
        assert harness.status("s-1") == ("PENDING", "WAITS_FOR_WRITE")
        assert "It is unpaid in Stripe" in harness.plan().unplanned["subscription:test:s-1"]
    give_status(harness, "active")
    harness.reconcile()
    assert (quantity(harness), harness.status("s-1")) == (12, ("SUCCESS", ""))
    (bill,) = [i for i in harness.objects("invoices") if i["billing_reason"] == "subscription_update"]
    assert (bill["total"], bill["status"]) == (4979, "paid")


def test_a_declined_upgrade_is_repeated_on_four_days_and_no_more(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = upgraded(harness_of, small_world)
    harness.reconcile()
    seen, begun = [], harness.world.now
    for _ in range(20):
        before = charging(harness)
        harness.later(12 * HOUR)
        harness.reconcile()
        if charging(harness) > before:
            seen.append((harness.world.now - begun) / DAY)
    assert seen == [1, 3, 5, 7]
    keys = [k for k in harness.world.replays if "stripe_sync" in k]
    assert len(set(keys)) == len(keys), "each repetition has a key of its own"
    assert "not tried again by itself" in detail(harness)


@pytest.mark.parametrize("what", ["another card", "another wish", "retry", "nothing"])
def test_a_declined_upgrade_is_repeated_when_something_changed(
    harness_of: Build, small_world: WorldBuilder, what: str
) -> None:
    harness = upgraded(harness_of, small_world)
    harness.reconcile()
    before = charging(harness)
    harness.reconcile()
    assert charging(harness) == before, "the same card would refuse the same wish again"
    if what == "another card":
        give_card(harness, "4242", id="better")
    elif what == "another wish":
        small_world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 4
        harness.merge(small_world)
    elif what == "retry":
        session = harness.session()
        manual_actions.retry(session, "s-1", Operator("The customer called.", "ada"))
        session.close()
    harness.reconcile()
    assert charging(harness) - before == (0 if what == "nothing" else 1)
    expected = ("SUCCESS", "") if what == "another card" else ("ERROR", "PAYMENT_FAILED")
    assert harness.status("s-1") == expected
    assert quantity(harness) == (12 if what == "another card" else 2)


def left_by_the_call(harness: Harness) -> None:
    """Put an open invoice into Stripe as a refused update of s-1 leaves it."""
    first = harness.world.stripe["invoices"][billed(harness)["latest_invoice"]]
    left = first | {
        "id": "in_left", "status": "open", "auto_advance": True, "billing_reason": "subscription_update",
        "created": harness.world.now,
    }  # fmt: skip
    harness.world.put("invoices", left)


def test_an_invoice_that_the_refused_call_left_is_switched_off_and_blocks(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """SB 12.5: an invoice that a refused payment left open was collected minutes later."""
    harness = upgraded(harness_of, small_world)
    left_by_the_call(harness)
    harness.reconcile()
    assert harness.world.stripe["invoices"]["in_left"]["auto_advance"] is False
    assert "left the invoice in_left, which is open" in detail(harness)
    give_card(harness, "4242", id="better")
    before = charging(harness)
    harness.reconcile()
    assert charging(harness) == before, "a better card does not repeat it while the invoice is open"
    harness.stripe().v1.invoices.void_invoice("in_left")
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", "")
    assert quantity(harness) == 12


@pytest.mark.parametrize("status", [400, 500])
def test_an_invoice_that_cannot_be_switched_off_is_recorded_and_said(
    harness_of: Build, small_world: WorldBuilder, status: int
) -> None:
    """A refusal, or a 500 that Stripe repeats, on the switching off is that row's alone, and nothing is asked twice."""
    harness = upgraded(harness_of, small_world)
    harness.attempts = 2
    left_by_the_call(harness)
    harness.world.faults.append(Fault("POST", "/v1/invoices/in_left", status=status))
    harness.reconcile()
    assert harness.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    assert harness.status("s-2") == ("SUCCESS", "")
    assert "in_left, which is open and is still collected by Stripe" in detail(harness)
    give_card(harness, "4242", id="better")
    before = charging(harness)
    harness.reconcile()
    assert charging(harness) == before, "the open invoice blocks"


def test_the_invoice_of_a_decline_that_cannot_be_read_stops_that_row_alone(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """The other rows of the run are made; the declined write waits for the next run."""
    harness = upgraded(harness_of, small_world)
    left_by_the_call(harness)
    harness.reconcile()
    harness.attempts = 1
    small_world.stigg["subscriptions"][1]["prices"][1]["usageLimit"] = 9
    harness.merge(small_world)
    harness.world.faults.append(Fault("GET", "/v1/invoices/in_left", status=500, times=100))
    before = charging(harness)
    harness.reconcile()
    assert harness.status("s-1") == ("PENDING", "WAITS_FOR_WRITE")
    assert harness.status("s-2") == ("SUCCESS", "")
    assert charging(harness) == before + 1, "s-2 alone"


def test_other_writes_of_the_subscription_are_made_while_its_upgrade_is_declined(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = upgraded(harness_of, small_world)
    harness.reconcile()
    small_world.coupon("tenth", percent=10)
    small_world.stigg["subscriptions"][0]["coupons"] = [small_world.applied("tenth")]
    harness.merge(small_world)
    harness.reconcile()
    assert len(billed(harness)["discounts"]) == 1
    assert harness.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    before = charging(harness)
    harness.reconcile()
    assert charging(harness) == before, "what went well in between does not make the upgrade be asked for again"


def test_a_declined_creation_is_repeated_after_a_day(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(automatic(small_world))
    harness.reconcile()
    give_card(harness, "0341")
    harness.reconcile()
    assert harness.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    before = charging(harness)
    for _ in range(3):
        harness.later(6 * HOUR)
        harness.reconcile()
    assert charging(harness) == before
    harness.later(6 * HOUR)
    harness.reconcile()
    assert charging(harness) == before + 1


def test_a_bank_debit_waits_for_a_person_before_it_pays_an_upgrade(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """A debit fails days after the change was made, when nothing can be refused any more (SB 21.11)."""
    harness = upgraded(harness_of, small_world)
    give_card(harness, "4242", id="bank", type="us_bank_account")
    stored = harness.plan()
    (action,) = [a for a in stored.plan.actions if a.target == "subscription:test:s-1"]
    assert (action.causes, action.after["payment_behavior"]) == (("upgrade", "bank_debit"), "allow_incomplete")
    harness.reconcile()
    assert harness.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")
    assert quantity(harness) == 2
