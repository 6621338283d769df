"""Declined payments: what is kept, what is repeated and when, and what the row says (BILLING 6 and 7, F7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.jobs.runtime import manual_actions
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.warehouse.comparisons import statuses
from tests.house import House

Build = Callable[[WorldBuilder], House]
HOUR, DAY = 3600, 86_400


def automatic(town: WorldBuilder) -> WorldBuilder:
    """The town with s-1 charged automatically."""
    town.stigg["subscriptions"][0]["paymentCollectionMethod"] = "CHARGE"
    return town


def billed(house: House, id: str = "s-1") -> dict[str, Any]:
    (found,) = [s for s in house.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return found


def give_card(house: House, last4: str, *, id: str = "", **more: Any) -> str:
    """Give the customer c-1 a card that becomes the default, as a hosted page does; return the payment method's id."""
    (found,) = [c for c in house.objects("customers") if c["metadata"].get("stiggCustomerId") == "c-1"]
    builder = WorldBuilder(house.world.now)
    builder.stripe_customer(id or f"{found['id']}{last4}", card=last4)
    (method,) = builder.stripe["payment_methods"]
    house.world.put("payment_methods", method | {"customer": found["id"]} | more)
    house.stripe().v1.customers.update(found["id"], {"invoice_settings": {"default_payment_method": method["id"]}})
    return str(method["id"])


def charging(house: House) -> int:
    """How many calls to Stripe wrote s-1 so far, refused ones too."""
    return sum(
        r.side == "stripe" and r.method == "POST" and r.path.startswith("/v1/subscriptions") for r in asked(house)
    )


def asked(house: House) -> Iterator[Any]:
    return iter(house.world.requests)


def detail(house: House, id: str = "s-1") -> str:
    (found,) = statuses.find(house.engine, "test", id)
    return found.detail


def upgraded(house_of: Build, town: WorldBuilder, last4: str = "0341") -> House:
    """A house whose s-1 is paid by a good card, which is then replaced by one that declines; 10 more seats are wanted."""
    house = house_of(automatic(town))
    house.reconcile()
    give_card(house, "4242")
    house.reconcile()
    assert house.status("s-1") == ("SUCCESS", "")
    give_card(house, last4)
    town.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 12
    house.merge(town)
    return house


def quantity(house: House) -> int:
    return max(i["quantity"] for i in billed(house)["items"]["data"])


def test_a_declined_upgrade_is_not_kept(house_of: Build, town: WorldBuilder) -> None:
    """SB 11.1: without ``payment_behavior`` Stripe keeps the change although the payment failed."""
    house = upgraded(house_of, town)
    house.reconcile()
    sent = [
        r.params for r in asked(house) if r.path == f"/v1/subscriptions/{billed(house)['id']}" and r.method == "POST"
    ]
    assert [p.get("payment_behavior") for p in sent if "items" in p] == ["error_if_incomplete"]
    assert (quantity(house), billed(house)["status"]) == (2, "active")
    assert house.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    assert "portal link" in detail(house)
    assert "tried again after 2026-11-17 09:00 UTC" in detail(house)


def test_a_declined_upgrade_is_repeated_on_four_days_and_no_more(house_of: Build, town: WorldBuilder) -> None:
    house = upgraded(house_of, town)
    house.reconcile()
    seen, begun = [], house.world.now
    for _ in range(20):
        before = charging(house)
        house.later(12 * HOUR)
        house.reconcile()
        if charging(house) > before:
            seen.append((house.world.now - begun) / DAY)
    assert seen == [1, 3, 5, 7]
    keys = [k for k in house.world.replays if "stripe_sync" in k]
    assert len(set(keys)) == len(keys), "each repetition has a key of its own"
    assert "not tried again by itself" in detail(house)


@pytest.mark.parametrize("what", ["another card", "another wish", "retry", "nothing"])
def test_a_declined_upgrade_is_repeated_when_something_changed(house_of: Build, town: WorldBuilder, what: str) -> None:
    house = upgraded(house_of, town)
    house.reconcile()
    before = charging(house)
    house.reconcile()
    assert charging(house) == before, "the same card would refuse the same wish again"
    if what == "another card":
        give_card(house, "4242", id="better")
    elif what == "another wish":
        town.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 4
        house.merge(town)
    elif what == "retry":
        session = house.session()
        manual_actions.retry(session, "s-1", Hand("The customer called.", "ada"))
        session.close()
    house.reconcile()
    assert charging(house) - before == (0 if what == "nothing" else 1)
    expected = ("SUCCESS", "") if what == "another card" else ("ERROR", "PAYMENT_FAILED")
    assert house.status("s-1") == expected
    assert quantity(house) == (12 if what == "another card" else 2)


def left_by_the_call(house: House) -> None:
    """Put an open invoice into Stripe as a refused update of s-1 leaves it."""
    first = house.world.stripe["invoices"][billed(house)["latest_invoice"]]
    left = first | {
        "id": "in_left", "status": "open", "auto_advance": True, "billing_reason": "subscription_update",
        "created": house.world.now,
    }  # fmt: skip
    house.world.put("invoices", left)


def test_an_invoice_that_the_refused_call_left_is_switched_off_and_blocks(house_of: Build, town: WorldBuilder) -> None:
    """SB 12.5: an invoice that a refused payment left open was collected minutes later."""
    house = upgraded(house_of, town)
    left_by_the_call(house)
    house.reconcile()
    assert house.world.stripe["invoices"]["in_left"]["auto_advance"] is False
    assert "left the invoice in_left, which is open" in detail(house)
    give_card(house, "4242", id="better")
    before = charging(house)
    house.reconcile()
    assert charging(house) == before, "a better card does not repeat it while the invoice is open"
    house.stripe().v1.invoices.void_invoice("in_left")
    house.reconcile()
    assert house.status("s-1") == ("SUCCESS", "")
    assert quantity(house) == 12


@pytest.mark.parametrize("status", [400, 500])
def test_an_invoice_that_cannot_be_switched_off_is_recorded_and_said(
    house_of: Build, town: WorldBuilder, status: int
) -> None:
    """A refusal, or a 500 that Stripe repeats, on the switching off is that row's alone, and nothing is asked twice."""
    house = upgraded(house_of, town)
    house.attempts = 2
    left_by_the_call(house)
    house.world.faults.append(Fault("POST", "/v1/invoices/in_left", status=status))
    house.reconcile()
    assert house.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    assert house.status("s-2") == ("SUCCESS", "")
    assert "in_left, which is open and is still collected by Stripe" in detail(house)
    give_card(house, "4242", id="better")
    before = charging(house)
    house.reconcile()
    assert charging(house) == before, "the open invoice blocks"


def test_the_invoice_of_a_decline_that_cannot_be_read_stops_that_row_alone(house_of: Build, town: WorldBuilder) -> None:
    """The other rows of the run are made; the declined write waits for the next run."""
    house = upgraded(house_of, town)
    left_by_the_call(house)
    house.reconcile()
    house.attempts = 1
    town.stigg["subscriptions"][1]["prices"][1]["usageLimit"] = 9
    house.merge(town)
    house.world.faults.append(Fault("GET", "/v1/invoices/in_left", status=500, times=100))
    before = charging(house)
    house.reconcile()
    assert house.status("s-1") == ("PENDING", "WAITS_FOR_WRITE")
    assert house.status("s-2") == ("SUCCESS", "")
    assert charging(house) == before + 1, "s-2 alone"


def test_other_writes_of_the_subscription_are_made_while_its_upgrade_is_declined(
    house_of: Build, town: WorldBuilder
) -> None:
    house = upgraded(house_of, town)
    house.reconcile()
    town.coupon("tenth", percent=10)
    town.stigg["subscriptions"][0]["coupons"] = [town.applied("tenth")]
    house.merge(town)
    house.reconcile()
    assert len(billed(house)["discounts"]) == 1
    assert house.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    before = charging(house)
    house.reconcile()
    assert charging(house) == before, "what went well in between does not make the upgrade be asked for again"


def test_a_declined_creation_is_repeated_after_a_day(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(automatic(town))
    house.reconcile()
    give_card(house, "0341")
    house.reconcile()
    assert house.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    before = charging(house)
    for _ in range(3):
        house.later(6 * HOUR)
        house.reconcile()
    assert charging(house) == before
    house.later(6 * HOUR)
    house.reconcile()
    assert charging(house) == before + 1


def test_a_bank_debit_waits_for_a_person_before_it_pays_an_upgrade(house_of: Build, town: WorldBuilder) -> None:
    """A debit fails days after the change was made, when nothing can be refused any more (SB 21.11)."""
    house = upgraded(house_of, town)
    give_card(house, "4242", id="bank", type="us_bank_account")
    stored = house.plan()
    (action,) = [a for a in stored.plan.actions if a.target == "subscription:test:s-1"]
    assert (action.causes, action.after["payment_behavior"]) == (("upgrade", "bank_debit"), "allow_incomplete")
    house.reconcile()
    assert house.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")
    assert quantity(house) == 2
