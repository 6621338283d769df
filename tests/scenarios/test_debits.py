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
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.jobs.runtime.runner import run_step, run_until
from stripe_sync.warehouse.plans import approvals
from tests.scenarios.test_declines import automatic, billed, charging, detail, give_card, quantity
from tests.support.harness import Harness
from tests.support.metering import MINUTE, cycle, ledger, lines, metered_world, period_end, until, use
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]
HOUR, DAY = 3600, 86_400
PAYS, FAILS = "6789", "1116"
UNDER_WAY = ("PENDING", "PAYMENT_PROCESSING")


def give_account(harness: Harness, last4: str = PAYS) -> None:
    """Make a bank account the default of the customer c-1; those that end in 1116 fail days later."""
    give_card(harness, "4242", id=f"bank{last4}", type="us_bank_account", us_bank_account={"last4": last4})


def debited(harness_of: Build, small_world: WorldBuilder, last4: str = PAYS, **unknowns: bool) -> Harness:
    """A harness whose s-1 was made while a bank account pays it: 20.00 and 2 seats at 5.00 are 30.00."""
    harness = harness_of(automatic(small_world))
    harness.world.unknowns |= unknowns
    harness.reconcile()
    give_account(harness, last4)
    harness.reconcile()
    return harness


def first_invoice(harness: Harness) -> Obj:
    """Return the invoice that made s-1."""
    (found,) = [
        i
        for i in harness.objects("invoices")
        if i["billing_reason"] == "subscription_create"
        and i["parent"]["subscription_details"]["subscription"] == billed(harness)["id"]
    ]
    return found


def approved(harness: Harness) -> None:
    """Approve the waiting actions, and apply them."""
    (question,) = approvals.waiting(harness.engine, "test", now=from_epoch(harness.world.now))
    session = harness.session()
    approve(session, question.request.hash, Operator("The customer agreed.", "ada"))
    session.close()
    harness.reconcile(approval=question.request.hash)


@ends("debit_leaves_incomplete", yes="incomplete", no="active")
def test_a_creation_is_no_success_before_its_debit_is_paid(
    harness_of: Build, small_world: WorldBuilder, end: Any
) -> None:
    """The debit of 30.00 takes four days; under the other answer the subscription is incomplete meanwhile."""
    harness = debited(harness_of, small_world)
    invoice = first_invoice(harness)
    assert (invoice["status"], invoice["amount_due"]) == ("open", 3_000)
    assert billed(harness)["status"] == end
    assert harness.status("s-1") == UNDER_WAY, "by the run that made it"
    assert f"The bank debit of 30.00 USD for {invoice['id']} is under way" in detail(harness)
    before = charging(harness)
    for _ in range(3):
        harness.later(DAY)
        harness.reconcile()
        assert harness.status("s-1") == UNDER_WAY
        assert harness.plan().plan.actions == []
    assert charging(harness) == before, "nothing is repeated before it is paid or failed"
    harness.later(DAY)
    harness.reconcile()
    assert (first_invoice(harness)["status"], billed(harness)["status"]) == ("paid", "active")
    assert harness.status("s-1") == ("SUCCESS", "")
    assert charging(harness) == before


def test_a_debit_that_fails_days_later_is_a_decline(harness_of: Build, small_world: WorldBuilder) -> None:
    """Past due: Stripe tries again by itself, a day after; the row says so, and nothing of it is written again."""
    harness = debited(harness_of, small_world, FAILS, failed_debit_expires=False)
    assert harness.status("s-1") == UNDER_WAY
    before = charging(harness)
    harness.later(4 * DAY)
    harness.reconcile()
    invoice = first_invoice(harness)
    assert (invoice["status"], billed(harness)["status"]) == ("open", "past_due")
    assert harness.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    assert f"The payment of 30.00 USD for {invoice['id']} failed, and Stripe tries it again after 2026-11-21" in detail(
        harness
    )
    assert "portal link" in detail(harness)
    harness.later(DAY)  # Stripe tries again, which is a debit that is under way again
    harness.reconcile()
    assert harness.status("s-1") == UNDER_WAY
    give_card(harness, "4242", id="better")
    harness.later(
        4 * DAY
    )  # it fails again on the ninth day; the next try, of the sixth, is made at once, with the card
    harness.reconcile()
    assert (first_invoice(harness)["status"], harness.status("s-1")) == ("paid", ("SUCCESS", ""))
    assert charging(harness) == before


@pytest.mark.parametrize("incomplete", [False, True])
def test_a_first_debit_that_ends_its_subscription_is_said_and_not_canceled_in_stigg(
    harness_of: Build, small_world: WorldBuilder, incomplete: bool
) -> None:
    """The subscription is ``incomplete_expired`` with a void invoice: nothing was billed, and Stigg goes on giving access."""
    harness = debited(harness_of, small_world, FAILS, debit_leaves_incomplete=incomplete)
    before = charging(harness)
    harness.later(4 * DAY)
    harness.reconcile()
    assert billed(harness)["status"] == "incomplete_expired"
    assert first_invoice(harness)["status"] == "void"
    assert harness.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    assert f"unlink {billed(harness)['id']}" in detail(harness)
    assert harness.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"
    harness.later(7 * DAY)
    harness.reconcile()
    assert charging(harness) == before, "nobody is debited twice without a person's word"


@ends("failed_debit_expires", yes=("incomplete_expired", "void"), no=("past_due", "open"))
def test_a_first_debit_that_failed_is_that_rows_error(harness_of: Build, small_world: WorldBuilder, end: Any) -> None:
    """Nothing was paid either way, no customer is debited again by us, and Stigg continues to give access."""
    harness = debited(harness_of, small_world, FAILS)
    harness.later(4 * DAY)
    harness.reconcile()
    assert (billed(harness)["status"], first_invoice(harness)["status"]) == end
    assert harness.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    assert harness.plan().plan.actions == []
    assert harness.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"


@pytest.mark.parametrize("incomplete", [False, True])
def test_a_change_waits_for_the_debit_of_the_creation(
    harness_of: Build, small_world: WorldBuilder, incomplete: bool
) -> None:
    """Ten more seats while the creation's debit is under way: Stripe takes no change of an incomplete one (SB 11.14)."""
    harness = debited(harness_of, small_world, debit_leaves_incomplete=incomplete)
    small_world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 12
    harness.merge(small_world)
    stored = harness.plan()
    assert [a for a in stored.plan.actions if a.target == "subscription:test:s-1"] == []
    assert "Its change" in stored.unplanned["subscription:test:s-1"]
    assert [row.field for row in harness.drift() if row.entity == ("subscription", "s-1")] != []
    harness.reconcile()
    assert (quantity(harness), harness.status("s-1")) == (2, UNDER_WAY)
    harness.later(4 * DAY)
    harness.reconcile()
    assert (quantity(harness), harness.status("s-1")) == (2, ("PENDING", "WAITS_FOR_APPROVAL")), (
        "a debit pays the upgrade too"
    )
    give_card(harness, "4242", id="better")
    harness.reconcile()
    assert (quantity(harness), harness.status("s-1")) == (12, ("SUCCESS", ""))


def test_what_charges_nothing_is_written_while_the_debit_is_under_way(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """A coupon is for the next invoice: it is attached, and the row stays what it was."""
    harness = debited(harness_of, small_world)
    small_world.coupon("tenth", percent=10)
    small_world.stigg["subscriptions"][0]["coupons"] = [small_world.applied("tenth")]
    harness.merge(small_world)
    harness.reconcile()
    assert len(billed(harness)["discounts"]) == 1
    assert harness.status("s-1") == UNDER_WAY


@pytest.mark.parametrize(("last4", "after"), [(PAYS, ("SUCCESS", "")), (FAILS, ("ERROR", "PAYMENT_FAILED"))])
def test_an_approved_upgrade_is_no_success_before_its_debit_is_paid(
    harness_of: Build, small_world: WorldBuilder, last4: str, after: tuple[str, str]
) -> None:
    """A person has let the debit pay ten seats more; Stripe keeps the change although it fails (SB 11.1)."""
    harness = harness_of(automatic(small_world))
    harness.reconcile()
    give_card(harness, "4242")
    harness.reconcile()
    give_account(harness, last4)
    small_world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 12
    harness.merge(small_world)
    harness.reconcile()
    approved(harness)
    assert (quantity(harness), harness.status("s-1")) == (12, UNDER_WAY)
    harness.later(3 * DAY)
    harness.reconcile()
    assert harness.status("s-1") == UNDER_WAY
    harness.later(DAY)
    harness.reconcile()
    assert harness.status("s-1") == after
    assert billed(harness)["status"] == ("active" if last4 == PAYS else "past_due")
    assert quantity(harness) == 12


def test_an_end_in_stigg_is_written_while_the_debit_is_under_way(harness_of: Build, small_world: WorldBuilder) -> None:
    """The debit cannot be called back: it is paid days after the cancellation, and nothing is left open."""
    harness = debited(harness_of, small_world)
    harness.later(HOUR)
    small_world.stigg["subscriptions"][0] |= {
        "status": "CANCELED",
        "effectiveEndDate": small_world.stigg["subscriptions"][0]["startDate"],
    }
    harness.merge(small_world)
    harness.reconcile()
    assert billed(harness)["status"] == "canceled"
    harness.later(4 * DAY)
    harness.reconcile()
    assert first_invoice(harness)["status"] == "paid"
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")


@ends("debit_refused_at_once", yes=(("ERROR", "PAYMENT_FAILED"), 2), no=(UNDER_WAY, 1))
def test_a_default_that_became_a_bank_account_since_it_was_read(
    harness_of: Build, small_world: WorldBuilder, end: Any
) -> None:
    """``error_if_incomplete`` is sent for the card that was read. Refused, or taken: both end with one debit (SB 21.11)."""
    harness = harness_of(automatic(small_world))
    harness.reconcile()
    give_card(harness, "4242")
    before = charging(harness)
    session = harness.session()
    run = harness.run(session, "late")
    run_until(session, run, RECONCILE, "plan")
    give_account(harness)
    for name in ("check_plan", "ask", "apply"):
        run_step(session, run, RECONCILE.step(name))
    session.close()
    at_once = harness.status("s-1")
    harness.reconcile()
    assert harness.status("s-1") == UNDER_WAY
    assert (at_once, charging(harness) - before) == end
    harness.later(4 * DAY)
    harness.reconcile()
    assert (first_invoice(harness)["status"], harness.status("s-1")) == ("paid", ("SUCCESS", ""))


def test_use_goes_on_the_draft_of_a_renewal_while_an_upgrades_debit_is_under_way(harness_of: Build) -> None:
    """Ten seats more are debited two days before the renewal: 20.00, 12 seats at 5.00 and 1,234 calls at 0.0027 (3.33)."""
    world = metered_world()
    world.feature("seats", "Seats")
    world.plan("team", "Team", [flat(20), per_unit("seats", 5), usage("calls", 0.0027)])
    world.stigg["subscriptions"].clear()
    world.subscription("s-1", "c-1", "team", units={"seats": 2})
    harness = harness_of(automatic(world))
    harness.reconcile()
    give_card(harness, "4242")
    harness.reconcile()
    end = period_end(harness)
    give_account(harness)
    until(harness, end - 2 * DAY)
    world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 12
    harness.merge(world)
    harness.reconcile()
    approved(harness)
    assert harness.status("s-1") == UNDER_WAY
    until(harness, end - 3 * MINUTE)
    use(harness, 1234, end - 5 * MINUTE)
    until(harness, end + MINUTE)
    harness.reconcile()
    harness.usage()
    draft = cycle(harness)
    assert (draft["status"], lines(draft), draft["total"]) == ("draft", [("1234", 333)], 2_000 + 6_000 + 333)
    assert harness.status("s-1") == UNDER_WAY
    until(harness, end + 2 * HOUR)
    harness.reconcile()
    harness.usage()
    assert (cycle(harness)["status"], harness.status("s-1")) == ("open", UNDER_WAY), "both debits are under way"
    until(harness, end + 6 * DAY)
    harness.reconcile()
    harness.usage()
    assert {i["status"] for i in harness.objects("invoices")} == {"paid"}
    assert harness.status("s-1") == ("SUCCESS", "")
    assert ledger(harness) == {"billed": ("1234", 333)}
