"""Invoices that nothing will finalize or collect: found, listed with their amount, and alerted (issue 23, 2.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.world.state import Fault
from tests.scenarios.test_changes import attach_card
from tests.scenarios.test_debits import give_account
from tests.scenarios.test_finance import publish, rows
from tests.support.harness import Harness
from tests.support.metering import (
    DAY,
    HOUR,
    MINUTE,
    by_meter,
    cycle,
    metered_world,
    month_end,
    period_end,
    subscription,
    until,
)
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def charged(harness_of: Build) -> Harness:
    """Return a harness whose one customer pays 20.00 USD per month by card."""
    world = metered_world()
    world.plan("pro", "Pro", [flat(20)], version=2)
    world.stigg["subscriptions"].clear()
    world.subscription("s-1", "c-1", "pro", method="CHARGE")
    harness = harness_of(world)
    harness.reconcile()
    attach_card(harness, "c-1", "4242")
    harness.reconcile()
    assert subscription(harness)["status"] == "active"
    return harness


def renewed(harness: Harness) -> dict[str, Any]:
    """Let the subscription renew; return its invoice two hours later."""
    until(harness, period_end(harness) + 2 * HOUR)
    harness.reconcile()
    return cycle(harness)


@pytest.mark.parametrize("why", ["paused", "unpaid", "stopped by a person"])
def test_a_draft_that_nothing_finalizes_is_listed_and_pages(harness_of: Build, why: str) -> None:
    """F13, SB 12.8, 21.3: the renewal of 20.00 stays a draft, and only the pipeline reports it."""
    harness = charged(harness_of)
    if why == "paused":
        subscription(harness)["pause_collection"] = {"behavior": "keep_as_draft", "resumes_at": None}
    elif why == "unpaid":
        subscription(harness)["status"] = "unpaid"
    until(harness, period_end(harness) + MINUTE)
    if why == "stopped by a person":
        harness.stripe().v1.invoices.update(cycle(harness)["id"], {"auto_advance": False})
    until(harness, harness.world.now + 3 * DAY)
    harness.reconcile()
    draft = cycle(harness)
    assert (draft["status"], draft["total"]) == ("draft", 2000)
    found = harness.usage(alerts=True)
    (row,) = found["stuck"]
    assert (row["invoice"], row["amount"], row["currency"], row["status"]) == (draft["id"], 2000, "usd", "draft")
    (page,) = found["pages"]
    assert f"{draft['id']} of {subscription(harness)['id']} is a draft of 20.00 USD that nothing finalizes" in page
    assert cycle(harness)["status"] == "draft", "it is left alone"
    harness.stripe().v1.invoices.update(draft["id"], {"auto_advance": True})
    harness.later(1)
    assert harness.usage()["stuck"] == [], "switched on it is moved on, and nobody is woken any more"


@ends(
    "unpaid_renewals_stay_drafts",
    yes=("draft", "nothing finalizes"),
    no=("open", "nothing collects"),
)
def test_either_answer_about_unpaid_renewals_is_found(harness_of: Build, end: tuple[str, str]) -> None:
    """C12: a draft that nothing finalizes, or an open invoice that nothing collects; 20.00 either way."""
    harness = charged(harness_of)
    subscription(harness)["status"] = "unpaid"
    renewed(harness)
    (row,) = harness.usage(alerts=True)["stuck"]
    status, why = end
    assert (row["status"], row["amount"]) == (status, 2000)
    assert row["why"].startswith(why) and why in end


def test_an_invoice_that_is_not_tried_again_pages(harness_of: Build) -> None:
    """SB 12.9: declined, and after the last retry open for ever; while Stripe still tries there is no alert."""
    harness = charged(harness_of)
    harness.world.billing |= {"after_retries": "past_due"}
    attach_card(harness, "c-1", "0341")
    assert renewed(harness)["status"] == "open"
    assert harness.usage()["stuck"] == []
    harness.later(15 * DAY)
    harness.reconcile()
    (row,) = harness.usage(alerts=True)["stuck"]
    assert (row["status"], row["amount"], row["why"]) == ("open", 2000, "nothing collects, its auto_advance is off")


def test_an_invoice_whose_card_is_not_tried_again_pages_at_once(harness_of: Build) -> None:
    """Issue 23, 2.3: a card declined the 20.00, and Stripe names no next attempt; no debit can be under way."""
    harness = charged(harness_of)
    attach_card(harness, "c-1", "0341")
    bill = renewed(harness)
    assert (bill["status"], bill["auto_advance"]) == ("open", True)
    bill["next_payment_attempt"] = None
    harness.later(MINUTE)
    (row,) = harness.usage(alerts=True)["stuck"]
    assert (row["status"], row["amount"], row["why"]) == ("open", 2000, "is not tried again")


def test_an_invoice_that_a_bank_debit_pays_is_waited_for(harness_of: Build) -> None:
    """Its next attempt is empty for days while the debit is under way."""
    harness = charged(harness_of)
    harness.world.billing["debit_days"] = 5
    give_account(harness)
    harness.reconcile()
    bill = renewed(harness)
    assert (bill["status"], bill["auto_advance"], bill["next_payment_attempt"]) == ("open", True, None)
    assert harness.usage()["stuck"] == []


def metered_only(harness_of: Build) -> Harness:
    """Return a harness whose one customer pays by the call alone, 0.0027 USD, counted by a meter."""
    world = metered_world()
    world.plan("calls", "Calls", [usage("calls", 0.0027)])
    world.stigg["subscriptions"].clear()
    world.subscription("s-1", "c-1", "calls")
    harness = harness_of(world)
    by_meter(harness)
    return harness


@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_a_stopped_draft_that_has_usage_charges_alone_has_the_amount_of_the_use(harness_of: Build, mode: str) -> None:
    """Issue 23, 2.3: the draft shows 0 until it is finalized (SB 4.1); 1,234 calls at 0.0027 come to 3.33."""
    harness = metered_only(harness_of)
    month_end(harness)
    subscription(harness)["status"] = "unpaid"
    harness.world.stripe["invoices"][cycle(harness)["id"]] |= {
        "auto_advance": False,
        "automatically_finalizes_at": None,
    }
    harness.usage(alerts=True)
    harness.change(modes=harness.environment.modes | {"usage": mode})
    harness.later(3 * HOUR)
    assert (cycle(harness)["status"], cycle(harness)["total"]) == ("draft", 0)
    found = harness.usage(alerts=True)
    (row,) = found["stuck"]
    assert (row["invoice"], row["amount"], row["why"]) == (
        cycle(harness)["id"],
        333,
        "nothing finalizes, its auto_advance is off",
    )
    assert any("is a draft of 3.33 USD that nothing finalizes" in page for page in found["pages"])


def test_a_stopped_draft_whose_use_is_not_known_is_listed(harness_of: Build) -> None:
    """Nothing of the ledger is there in a new warehouse that observes."""
    harness = metered_only(harness_of)
    month_end(harness)
    subscription(harness)["status"] = "unpaid"
    harness.world.stripe["invoices"][cycle(harness)["id"]] |= {
        "auto_advance": False,
        "automatically_finalizes_at": None,
    }
    harness.world.faults.append(Fault("STIGG", "UsageHistory", status=503, times=10**6))
    (row,) = harness.usage(alerts=True)["stuck"]
    assert (row["amount"], row["why"]) == (0, "nothing finalizes, its auto_advance is off, and whose use is not known")


def test_a_stuck_draft_pages_while_usage_observes(harness_of: Build) -> None:
    """A report is no write: cancellations are live in this mode, and 20.00 are stuck."""
    harness = charged(harness_of)
    harness.change(modes=harness.environment.modes | {"usage": "observe"})
    subscription(harness)["status"] = "unpaid"
    draft = renewed(harness)
    found = harness.usage(alerts=True)
    assert [row["invoice"] for row in found["stuck"]] == [draft["id"]]
    assert [draft["id"] in page for page in found["pages"]] == [True]


def test_a_finalization_that_failed_pages(harness_of: Build) -> None:
    """F23: the draft stays, with its error."""
    harness = charged(harness_of)
    harness.world.billing |= {
        "finalization_fails": {subscription(harness)["customer"]: "customer_tax_location_invalid"}
    }
    assert renewed(harness)["status"] == "draft"
    (row,) = harness.usage(alerts=True)["stuck"]
    assert row["why"] == "could not be finalized (customer_tax_location_invalid)"


@ends("isk_rounds", yes=("open", 99_000, []), no=("draft", 99_005, ["could not be finalized"]))
def test_an_invoice_in_isk_that_is_no_whole_number_of_kronur_is_rounded_or_pages(
    harness_of: Build, end: tuple[str, int, list[str]]
) -> None:
    """1,485 kronur less 33.33 %: 148500 - 49495 = 99005. Stripe asks for 99000 and leaves 5 on the balance, or refuses."""
    world = metered_world()
    world.plan("krona", "Krona", [flat(1485, currency="ISK")])
    world.coupon("third", percent=33.33)
    world.stigg["subscriptions"].clear()
    world.subscription("s-1", "c-1", "krona")["coupons"] = [world.applied("third")]
    harness = harness_of(world)
    harness.limit(due_now={"isk": "10000"}, per_month={"isk": "10000"})
    harness.reconcile()
    harness.later(2 * HOUR)
    harness.reconcile()
    found = harness.usage(alerts=bool(end[2]))
    (bill,) = harness.objects("invoices")
    assert (bill["status"], bill["amount_due"], [row["why"].split(" (")[0] for row in found["stuck"]]) == end
    (customer,) = harness.objects("customers")
    assert (bill["total"], customer["balance"]) == (99_005, 0 if found["stuck"] else 5)
    assert all(row["amount"] == 99_005 for row in found["stuck"])


def test_finance_reads_them_too(harness_of: Build) -> None:
    harness = charged(harness_of)
    subscription(harness)["status"] = "unpaid"
    draft = renewed(harness)
    harness.usage(alerts=True)
    _, folder = publish(harness)
    (row,) = rows(folder, "stuck")
    assert (row["invoice"], row["amount"], row["currency"]) == (draft["id"], "20.00", "usd")


def test_what_a_person_stopped_is_not_switched_on_again(harness_of: Build) -> None:
    """BILLING 9, F3b, SB 6.1: we delayed a draft, a person stopped it; its usage is proven, and it stays stopped."""
    harness = harness_of(metered_world())
    harness.change(modes=harness.environment.modes | {"usage": "propose"})
    end = month_end(harness)
    harness.usage()
    assert cycle(harness)["automatically_finalizes_at"] == end + 24 * HOUR, "held, since its lines wait for a person"
    harness.stripe().v1.invoices.update(cycle(harness)["id"], {"auto_advance": False})
    harness.change(modes=harness.environment.modes | {"usage": "enforce"})
    harness.later(MINUTE)
    found = harness.usage(alerts=True)
    assert found["released"] == []
    assert cycle(harness)["auto_advance"] is False
    assert [row["invoice"] for row in found["stuck"]] == [cycle(harness)["id"]]


def test_a_hold_sends_the_time_and_auto_advance_together(harness_of: Build) -> None:
    """F3b, SB 6.1: a time alone is taken and never comes."""
    harness = harness_of(metered_world())
    harness.change(modes=harness.environment.modes | {"usage": "propose"})
    end = month_end(harness)
    harness.usage()
    sent = [
        r.params
        for r in harness.world.requests
        if r.path == f"/v1/invoices/{cycle(harness)['id']}" and r.method == "POST"
    ]
    assert sent == [{"automatically_finalizes_at": end + 24 * HOUR, "auto_advance": True}]
