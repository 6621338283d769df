"""A change of the interval: one update whose periods begin now, with a person's word until probe has answered (BILLING 6)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.world.state import DAY
from stripe_sync.warehouse import manual_actions
from tests.scenarios.test_changes import attach_card
from tests.scenarios.test_debits import give_account
from tests.support.harness import Harness
from tests.support.metering import until

Build = Callable[[WorldBuilder], Harness]


@pytest.fixture
def world() -> WorldBuilder:
    """A plan of 30.00 a month or 300.00 a year, and a customer who began to pay by the month just now."""
    found = WorldBuilder()
    found.product("acme", "Acme")
    found.plan("pro", "Pro", [flat(30), flat(300, period="ANNUALLY")])
    found.customer("c-1", "Customer 1", "c1@example.test")
    found.subscription("s-1", "c-1", "pro", hours_ago=0)
    return found


def go_annual(world: WorldBuilder, harness: Harness) -> None:
    """Let the customer pay by the year from ten days after the beginning on."""
    (row,) = world.stigg["subscriptions"]
    annual = world.subscription("s-2", "c-1", "pro", period="ANNUALLY", hours_ago=0)
    world.stigg["subscriptions"].remove(annual)
    row |= {"billingPeriod": "ANNUALLY", "prices": annual["prices"]}
    harness.merge(world)


def answered(harness: Harness, answer: str) -> None:
    manual_actions.answer(harness.engine, "test", "interval_change", answer=answer, detail="", request_ids=[])


@pytest.mark.parametrize(
    ("answer", "decision", "printed"),
    [
        ("", "wait", "not answered yet"),
        ("no", "wait", "Stripe answered 'no'"),
        ("yes", "apply", ""),
    ],
)
def test_a_change_of_interval_waits_until_probe_says_that_stripe_does_it(
    harness_of: Build, world: WorldBuilder, answer: str, decision: str, printed: str
) -> None:
    """30.00 for the 30 days from 16 November: after ten 20.00 are not used, and 300.00 for the year begin now: 280.00 are due."""
    harness = harness_of(world)
    assert "interval_change" in harness.environment.accept_unknown, "no acceptance is an answer"
    harness.reconcile()
    began, anchor = harness.world.now, harness.objects("subscriptions")[0]["billing_cycle_anchor"]
    until(harness, began + 10 * DAY)
    if answer:
        answered(harness, answer)
    go_annual(world, harness)
    stored = harness.plan()
    (action,) = stored.plan.actions
    (guard_result,) = stored.guard_results
    assert (guard_result.decision, action.cause) == (decision, "interval")
    assert printed in " ".join(guard_result.refusals)
    assert action.due_now == {"usd": Decimal(28_000)}
    assert action.after["billing_cycle_anchor"] == {"type": "now"}
    assert "proration_date" not in action.after
    harness.reconcile()
    (subscription,) = harness.objects("subscriptions")
    invoices = [i["total"] for i in harness.objects("invoices") if i["billing_reason"] == "subscription_update"]
    assert subscription["billing_cycle_anchor"] == (began + 10 * DAY if answer == "yes" else anchor)
    assert invoices == ([28_000] if answer == "yes" else [])
    assert bool(harness.plan().plan.actions) == (answer != "yes")


def test_a_change_of_interval_of_what_is_billed_for_use_always_waits(harness_of: Build) -> None:
    """The period of the use would be cut, so no answer of Stripe's lets it happen by itself."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    monthly = usage("calls", 0.01)
    world.plan("pro", "Pro", [flat(30), flat(300, period="ANNUALLY"), monthly])
    world.customer("c-1", "Customer 1", "c1@example.test")
    world.subscription("s-1", "c-1", "pro", hours_ago=0)
    harness = harness_of(world)
    harness.reconcile()
    answered(harness, "yes")
    calls = world.stigg["subscriptions"][0]["prices"][1]
    go_annual(world, harness)
    world.stigg["subscriptions"][0]["prices"].append(calls)
    harness.merge(world)
    stored = harness.plan()
    assert [(a.kind, a.cause) for a in stored.plan.actions] == [("subscription.update", "interval_usage")]
    (guard_result,) = stored.guard_results
    assert guard_result.decision == "wait"
    assert "always wait for a person" in " ".join(guard_result.refusals)


@pytest.mark.parametrize(
    ("answer", "printed"), [("no", ["Stripe answered 'no'", "bank debit"]), ("yes", ["bank debit"])], ids=["no", "yes"]
)
def test_a_change_of_interval_that_a_bank_debit_pays_waits_for_both_reasons(
    harness_of: Build, world: WorldBuilder, answer: str, printed: list[str]
) -> None:
    """300.00 for the year less 20.00 that are not used, 280.00, by a debit: the person reads each reason by itself."""
    world.stigg["subscriptions"][0]["paymentCollectionMethod"] = "CHARGE"
    harness = harness_of(world)
    harness.reconcile()
    attach_card(harness, "c-1", "4242")
    harness.reconcile()
    give_account(harness)
    until(harness, harness.objects("subscriptions")[0]["start_date"] + 10 * DAY)
    answered(harness, answer)
    go_annual(world, harness)
    world.stigg["subscriptions"][0]["paymentCollectionMethod"] = "CHARGE"
    harness.merge(world)
    stored = harness.plan()
    (action,) = [a for a in stored.plan.actions if a.target == "subscription:test:s-1"]
    (guard_result,) = [v for v in stored.guard_results if action.hash in v.actions]
    assert (guard_result.decision, action.causes) == ("wait", ("interval", "bank_debit"))
    assert action.due_now == {"usd": Decimal(28_000)}
    message = " ".join(guard_result.refusals)
    assert [reason for reason in ("Stripe answered 'no'", "bank debit") if reason in message] == printed
