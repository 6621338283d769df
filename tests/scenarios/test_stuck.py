"""Invoices that nothing will finalize or collect: found, listed with their amount, and somebody is woken (issue 23, 2.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat
from tests.house import House
from tests.metering import DAY, HOUR, MINUTE, cycle, metered_world, month_end, period_end, subscription, until
from tests.scenarios.test_changes import attach_card
from tests.scenarios.test_finance import publish, rows
from tests.switches import ends

Build = Callable[[WorldBuilder], House]


def charged(house_of: Build) -> House:
    """Return a house whose one customer pays 20.00 USD a month by card."""
    world = metered_world()
    world.plan("pro", "Pro", [flat(20)], version=2)
    world.stigg["subscriptions"].clear()
    world.subscription("s-1", "c-1", "pro", method="CHARGE")
    house = house_of(world)
    house.reconcile()
    attach_card(house, "c-1", "4242")
    house.reconcile()
    assert subscription(house)["status"] == "active"
    return house


def renewed(house: House) -> dict[str, Any]:
    """Let the subscription renew; return its invoice two hours later."""
    until(house, period_end(house) + 2 * HOUR)
    house.reconcile()
    return cycle(house)


@pytest.mark.parametrize("why", ["paused", "unpaid", "stopped by a person"])
def test_a_draft_that_nothing_finalizes_is_listed_and_pages(house_of: Build, why: str) -> None:
    """F13, SB 12.8, 21.3: the renewal of 20.00 stays a draft, and nobody but us says so."""
    house = charged(house_of)
    if why == "paused":
        subscription(house)["pause_collection"] = {"behavior": "keep_as_draft", "resumes_at": None}
    elif why == "unpaid":
        subscription(house)["status"] = "unpaid"
    until(house, period_end(house) + MINUTE)
    if why == "stopped by a person":
        house.stripe().v1.invoices.update(cycle(house)["id"], {"auto_advance": False})
    until(house, house.world.now + 3 * DAY)
    house.reconcile()
    draft = cycle(house)
    assert (draft["status"], draft["total"]) == ("draft", 2000)
    found = house.usage(wakes=True)
    (row,) = found["stuck"]
    assert (row["invoice"], row["amount"], row["currency"], row["status"]) == (draft["id"], 2000, "usd", "draft")
    (page,) = found["pages"]
    assert f"{draft['id']} of {subscription(house)['id']} is a draft of 20.00 USD that nothing finalizes" in page
    assert cycle(house)["status"] == "draft", "it is left alone"
    house.stripe().v1.invoices.update(draft["id"], {"auto_advance": True})
    house.later(1)
    assert house.usage()["stuck"] == [], "switched on it is moved on, and nobody is woken any more"


@ends(
    "unpaid_renewals_stay_drafts",
    yes=("draft", "nothing finalizes"),
    no=("open", "nothing collects"),
)
def test_either_answer_about_unpaid_renewals_is_found(house_of: Build, end: tuple[str, str]) -> None:
    """C12: a draft that nothing finalizes, or an open invoice that nothing collects; 20.00 either way."""
    house = charged(house_of)
    subscription(house)["status"] = "unpaid"
    renewed(house)
    (row,) = house.usage(wakes=True)["stuck"]
    status, why = end
    assert (row["status"], row["amount"]) == (status, 2000)
    assert row["why"].startswith(why) and why in end


def test_an_invoice_that_is_not_tried_again_pages(house_of: Build) -> None:
    """SB 12.9: declined, and after the last retry open for ever; while Stripe still tries nobody is woken."""
    house = charged(house_of)
    house.world.billing |= {"after_retries": "past_due"}
    attach_card(house, "c-1", "0341")
    assert renewed(house)["status"] == "open"
    assert house.usage()["stuck"] == []
    house.later(15 * DAY)
    house.reconcile()
    (row,) = house.usage(wakes=True)["stuck"]
    assert (row["status"], row["amount"], row["why"]) == ("open", 2000, "nothing collects, its auto_advance is off")


def test_a_finalization_that_failed_pages(house_of: Build) -> None:
    """F23: the draft stays, with its error."""
    house = charged(house_of)
    house.world.billing |= {"finalization_fails": {subscription(house)["customer"]: "customer_tax_location_invalid"}}
    assert renewed(house)["status"] == "draft"
    (row,) = house.usage(wakes=True)["stuck"]
    assert row["why"] == "could not be finalized (customer_tax_location_invalid)"


@ends("isk_rounds", yes=("open", 99_000, []), no=("draft", 99_005, ["could not be finalized"]))
def test_an_invoice_in_isk_that_is_no_whole_number_of_kronur_is_rounded_or_pages(
    house_of: Build, end: tuple[str, int, list[str]]
) -> None:
    """1,485 kronur less 33.33 %: 148500 - 49495 = 99005. Stripe asks for 99000 and leaves 5 on the balance, or refuses."""
    world = metered_world()
    world.plan("krona", "Krona", [flat(1485, currency="ISK")])
    world.coupon("third", percent=33.33)
    world.stigg["subscriptions"].clear()
    world.subscription("s-1", "c-1", "krona")["coupons"] = [world.applied("third")]
    house = house_of(world)
    house.limit(due_now={"isk": "10000"}, per_month={"isk": "10000"})
    house.reconcile()
    house.later(2 * HOUR)
    house.reconcile()
    found = house.usage(wakes=bool(end[2]))
    (bill,) = house.objects("invoices")
    assert (bill["status"], bill["amount_due"], [row["why"].split(" (")[0] for row in found["stuck"]]) == end
    (customer,) = house.objects("customers")
    assert (bill["total"], customer["balance"]) == (99_005, 0 if found["stuck"] else 5)
    assert all(row["amount"] == 99_005 for row in found["stuck"])


def test_finance_reads_them_too(house_of: Build) -> None:
    house = charged(house_of)
    subscription(house)["status"] = "unpaid"
    draft = renewed(house)
    house.usage(wakes=True)
    _, folder = publish(house)
    (row,) = rows(folder, "stuck")
    assert (row["invoice"], row["amount"], row["currency"]) == (draft["id"], "20.00", "usd")


def test_what_a_person_stopped_is_not_switched_on_again(house_of: Build) -> None:
    """BILLING 9, F3b, SB 6.1: we delayed a draft, a person stopped it; its usage is proven, and it stays stopped."""
    house = house_of(metered_world())
    house.change(modes=house.environment.modes | {"usage": "propose"})
    end = month_end(house)
    house.usage()
    assert cycle(house)["automatically_finalizes_at"] == end + 24 * HOUR, "held, since its lines wait for a person"
    house.stripe().v1.invoices.update(cycle(house)["id"], {"auto_advance": False})
    house.change(modes=house.environment.modes | {"usage": "enforce"})
    house.later(MINUTE)
    found = house.usage(wakes=True)
    assert found["released"] == []
    assert cycle(house)["auto_advance"] is False
    assert [row["invoice"] for row in found["stuck"]] == [cycle(house)["id"]]


def test_a_hold_sends_the_time_and_auto_advance_together(house_of: Build) -> None:
    """F3b, SB 6.1: a time alone is taken and never comes."""
    house = house_of(metered_world())
    house.change(modes=house.environment.modes | {"usage": "propose"})
    end = month_end(house)
    house.usage()
    sent = [
        r.params for r in house.world.requests if r.path == f"/v1/invoices/{cycle(house)['id']}" and r.method == "POST"
    ]
    assert sent == [{"automatically_finalizes_at": end + 24 * HOUR, "auto_advance": True}]
