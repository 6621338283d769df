"""Bank debits that pay a creation or a change: under way, paid or failed days later (BILLING 6, point 2.5, SB 21.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, per_unit, usage
from sandbox.world.state import Obj
from stripe_sync.core.clock import from_epoch
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.approvals import approve
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.jobs.runtime.runner import run_step, run_until
from stripe_sync.warehouse.plans import approvals
from tests.house import House
from tests.metering import MINUTE, cycle, ledger, lines, metered_world, period_end, until, use
from tests.scenarios.test_declines import automatic, billed, charging, detail, give_card, quantity
from tests.switches import ends

Build = Callable[[WorldBuilder], House]
HOUR, DAY = 3600, 86_400
PAYS, FAILS = "6789", "1116"
UNDER_WAY = ("PENDING", "PAYMENT_PROCESSING")


def give_account(house: House, last4: str = PAYS) -> None:
    """Make a bank account the default of the customer c-1; those that end in 1116 fail days later."""
    give_card(house, "4242", id=f"bank{last4}", type="us_bank_account", us_bank_account={"last4": last4})


def debited(house_of: Build, town: WorldBuilder, last4: str = PAYS, **unknowns: bool) -> House:
    """A house whose s-1 was made while a bank account pays it: 20.00 and 2 seats at 5.00 are 30.00."""
    house = house_of(automatic(town))
    house.world.unknowns |= unknowns
    house.reconcile()
    give_account(house, last4)
    house.reconcile()
    return house


def first_invoice(house: House) -> Obj:
    """Return the invoice that made s-1."""
    (found,) = [
        i
        for i in house.objects("invoices")
        if i["billing_reason"] == "subscription_create"
        and i["parent"]["subscription_details"]["subscription"] == billed(house)["id"]
    ]
    return found


def approved(house: House) -> None:
    """Say yes to what waits, and make it."""
    (question,) = approvals.waiting(house.engine, "test", now=from_epoch(house.world.now))
    session = house.session()
    approve(session, question.request.hash, Hand("The customer agreed.", "ada"))
    session.close()
    house.reconcile(approval=question.request.hash)


@ends("debit_leaves_incomplete", yes="incomplete", no="active")
def test_a_creation_is_no_success_before_its_debit_is_paid(house_of: Build, town: WorldBuilder, end: Any) -> None:
    """The debit of 30.00 takes four days; under the other answer the subscription is incomplete meanwhile."""
    house = debited(house_of, town)
    invoice = first_invoice(house)
    assert (invoice["status"], invoice["amount_due"]) == ("open", 3_000)
    assert billed(house)["status"] == end
    assert house.status("s-1") == UNDER_WAY, "by the run that made it"
    assert f"The bank debit of 30.00 USD for {invoice['id']} is under way" in detail(house)
    before = charging(house)
    for _ in range(3):
        house.later(DAY)
        house.reconcile()
        assert house.status("s-1") == UNDER_WAY
        assert house.plan().plan.actions == []
    assert charging(house) == before, "nothing is repeated before it is paid or failed"
    house.later(DAY)
    house.reconcile()
    assert (first_invoice(house)["status"], billed(house)["status"]) == ("paid", "active")
    assert house.status("s-1") == ("SUCCESS", "")
    assert charging(house) == before


def test_a_debit_that_fails_days_later_is_a_decline(house_of: Build, town: WorldBuilder) -> None:
    """Past due: Stripe tries again by itself, a day after; the row says so, and nothing of it is written again."""
    house = debited(house_of, town, FAILS, failed_debit_expires=False)
    assert house.status("s-1") == UNDER_WAY
    before = charging(house)
    house.later(4 * DAY)
    house.reconcile()
    invoice = first_invoice(house)
    assert (invoice["status"], billed(house)["status"]) == ("open", "past_due")
    assert house.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    assert f"The payment of 30.00 USD for {invoice['id']} failed, and Stripe tries it again after 2026-11-21" in detail(
        house
    )
    assert "portal link" in detail(house)
    house.later(DAY)  # Stripe tries again, which is a debit that is under way again
    house.reconcile()
    assert house.status("s-1") == UNDER_WAY
    give_card(house, "4242", id="better")
    house.later(4 * DAY)  # it fails again on the ninth day; the next try, of the sixth, is made at once, with the card
    house.reconcile()
    assert (first_invoice(house)["status"], house.status("s-1")) == ("paid", ("SUCCESS", ""))
    assert charging(house) == before


@pytest.mark.parametrize("incomplete", [False, True])
def test_a_first_debit_that_ends_its_subscription_is_said_and_not_canceled_in_stigg(
    house_of: Build, town: WorldBuilder, incomplete: bool
) -> None:
    """The subscription is ``incomplete_expired`` with a void invoice: nothing was billed, and Stigg goes on giving access."""
    house = debited(house_of, town, FAILS, debit_leaves_incomplete=incomplete)
    before = charging(house)
    house.later(4 * DAY)
    house.reconcile()
    assert billed(house)["status"] == "incomplete_expired"
    assert first_invoice(house)["status"] == "void"
    assert house.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    assert f"unlink {billed(house)['id']}" in detail(house)
    assert house.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"
    house.later(7 * DAY)
    house.reconcile()
    assert charging(house) == before, "nobody is debited twice without a person's word"


@ends("failed_debit_expires", yes=("incomplete_expired", "void"), no=("past_due", "open"))
def test_a_first_debit_that_failed_is_that_rows_error(house_of: Build, town: WorldBuilder, end: Any) -> None:
    """Nothing was paid either way, nobody is debited again by us, and Stigg goes on giving access."""
    house = debited(house_of, town, FAILS)
    house.later(4 * DAY)
    house.reconcile()
    assert (billed(house)["status"], first_invoice(house)["status"]) == end
    assert house.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    assert house.plan().plan.actions == []
    assert house.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"


@pytest.mark.parametrize("incomplete", [False, True])
def test_a_change_waits_for_the_debit_of_the_creation(house_of: Build, town: WorldBuilder, incomplete: bool) -> None:
    """Ten more seats while the creation's debit is under way: Stripe takes no change of an incomplete one (SB 11.14)."""
    house = debited(house_of, town, debit_leaves_incomplete=incomplete)
    town.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 12
    house.merge(town)
    stored = house.plan()
    assert [a for a in stored.plan.actions if a.target == "subscription:test:s-1"] == []
    assert "Its change" in stored.unplanned["subscription:test:s-1"]
    assert [row.field for row in house.drift() if row.entity == ("subscription", "s-1")] != []
    house.reconcile()
    assert (quantity(house), house.status("s-1")) == (2, UNDER_WAY)
    house.later(4 * DAY)
    house.reconcile()
    assert (quantity(house), house.status("s-1")) == (2, ("PENDING", "WAITS_FOR_APPROVAL")), (
        "a debit pays the upgrade too"
    )
    give_card(house, "4242", id="better")
    house.reconcile()
    assert (quantity(house), house.status("s-1")) == (12, ("SUCCESS", ""))


def test_what_charges_nothing_is_written_while_the_debit_is_under_way(house_of: Build, town: WorldBuilder) -> None:
    """A coupon is for the next invoice: it is attached, and the row stays what it was."""
    house = debited(house_of, town)
    town.coupon("tenth", percent=10)
    town.stigg["subscriptions"][0]["coupons"] = [town.applied("tenth")]
    house.merge(town)
    house.reconcile()
    assert len(billed(house)["discounts"]) == 1
    assert house.status("s-1") == UNDER_WAY


@pytest.mark.parametrize(("last4", "after"), [(PAYS, ("SUCCESS", "")), (FAILS, ("ERROR", "PAYMENT_FAILED"))])
def test_an_approved_upgrade_is_no_success_before_its_debit_is_paid(
    house_of: Build, town: WorldBuilder, last4: str, after: tuple[str, str]
) -> None:
    """A person has let the debit pay ten seats more; Stripe keeps the change although it fails (SB 11.1)."""
    house = house_of(automatic(town))
    house.reconcile()
    give_card(house, "4242")
    house.reconcile()
    give_account(house, last4)
    town.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 12
    house.merge(town)
    house.reconcile()
    approved(house)
    assert (quantity(house), house.status("s-1")) == (12, UNDER_WAY)
    house.later(3 * DAY)
    house.reconcile()
    assert house.status("s-1") == UNDER_WAY
    house.later(DAY)
    house.reconcile()
    assert house.status("s-1") == after
    assert billed(house)["status"] == ("active" if last4 == PAYS else "past_due")
    assert quantity(house) == 12


def test_an_end_in_stigg_is_written_while_the_debit_is_under_way(house_of: Build, town: WorldBuilder) -> None:
    """The debit cannot be called back: it is paid days after the cancellation, and nothing is left open."""
    house = debited(house_of, town)
    house.later(HOUR)
    town.stigg["subscriptions"][0] |= {
        "status": "CANCELED",
        "effectiveEndDate": town.stigg["subscriptions"][0]["startDate"],
    }
    house.merge(town)
    house.reconcile()
    assert billed(house)["status"] == "canceled"
    house.later(4 * DAY)
    house.reconcile()
    assert first_invoice(house)["status"] == "paid"
    assert house.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")


@ends("debit_refused_at_once", yes=(("ERROR", "PAYMENT_FAILED"), 2), no=(UNDER_WAY, 1))
def test_a_default_that_became_a_bank_account_since_it_was_read(house_of: Build, town: WorldBuilder, end: Any) -> None:
    """``error_if_incomplete`` is sent for the card that was read. Refused, or taken: both end with one debit (SB 21.11)."""
    house = house_of(automatic(town))
    house.reconcile()
    give_card(house, "4242")
    before = charging(house)
    session = house.session()
    run = house.run(session, "late")
    run_until(session, run, RECONCILE, "plan")
    give_account(house)
    for name in ("check_plan", "ask", "apply"):
        run_step(session, run, RECONCILE.step(name))
    session.close()
    at_once = house.status("s-1")
    house.reconcile()
    assert house.status("s-1") == UNDER_WAY
    assert (at_once, charging(house) - before) == end
    house.later(4 * DAY)
    house.reconcile()
    assert (first_invoice(house)["status"], house.status("s-1")) == ("paid", ("SUCCESS", ""))


def test_use_goes_on_the_draft_of_a_renewal_while_an_upgrades_debit_is_under_way(house_of: Build) -> None:
    """Ten seats more are debited two days before the renewal: 20.00, 12 seats at 5.00 and 1,234 calls at 0.0027 (3.33)."""
    world = metered_world()
    world.feature("seats", "Seats")
    world.plan("team", "Team", [flat(20), per_unit("seats", 5), usage("calls", 0.0027)])
    world.stigg["subscriptions"].clear()
    world.subscription("s-1", "c-1", "team", units={"seats": 2})
    house = house_of(automatic(world))
    house.reconcile()
    give_card(house, "4242")
    house.reconcile()
    end = period_end(house)
    give_account(house)
    until(house, end - 2 * DAY)
    world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 12
    house.merge(world)
    house.reconcile()
    approved(house)
    assert house.status("s-1") == UNDER_WAY
    until(house, end - 3 * MINUTE)
    use(house, 1234, end - 5 * MINUTE)
    until(house, end + MINUTE)
    house.reconcile()
    house.usage()
    draft = cycle(house)
    assert (draft["status"], lines(draft), draft["total"]) == ("draft", [("1234", 333)], 2_000 + 6_000 + 333)
    assert house.status("s-1") == UNDER_WAY
    until(house, end + 2 * HOUR)
    house.reconcile()
    house.usage()
    assert (cycle(house)["status"], house.status("s-1")) == ("open", UNDER_WAY), "both debits are under way"
    until(house, end + 6 * DAY)
    house.reconcile()
    house.usage()
    assert {i["status"] for i in house.objects("invoices")} == {"paid"}
    assert house.status("s-1") == ("SUCCESS", "")
    assert ledger(house) == {"billed": ("1234", 333)}
