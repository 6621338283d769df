"""A change of the interval: one update whose periods begin now, with a person's word until probe has answered (BILLING 6)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.world.state import DAY
from stripe_sync.warehouse import manual_actions
from tests.house import House
from tests.metering import until
from tests.scenarios.test_changes import attach_card
from tests.scenarios.test_debits import give_account

Build = Callable[[WorldBuilder], House]


@pytest.fixture
def world() -> WorldBuilder:
    """A plan of 30.00 a month or 300.00 a year, and a customer who began to pay by the month just now."""
    found = WorldBuilder()
    found.product("acme", "Acme")
    found.plan("pro", "Pro", [flat(30), flat(300, period="ANNUALLY")])
    found.customer("c-1", "Customer 1", "c1@example.test")
    found.subscription("s-1", "c-1", "pro", hours_ago=0)
    return found


def go_annual(world: WorldBuilder, house: House) -> None:
    """Let the customer pay by the year from ten days after the beginning on."""
    (row,) = world.stigg["subscriptions"]
    annual = world.subscription("s-2", "c-1", "pro", period="ANNUALLY", hours_ago=0)
    world.stigg["subscriptions"].remove(annual)
    row |= {"billingPeriod": "ANNUALLY", "prices": annual["prices"]}
    house.merge(world)


def answered(house: House, answer: str) -> None:
    manual_actions.answer(house.engine, "test", "interval_change", answer=answer, detail="", request_ids=[])


@pytest.mark.parametrize(
    ("answer", "decision", "said"),
    [
        ("", "wait", "nothing has answered it"),
        ("no", "wait", "Stripe answered 'no'"),
        ("yes", "apply", ""),
    ],
)
def test_a_change_of_interval_waits_until_probe_says_that_stripe_does_it(
    house_of: Build, world: WorldBuilder, answer: str, decision: str, said: str
) -> None:
    """30.00 for the 30 days from 16 November: after ten 20.00 are not used, and 300.00 for the year begin now: 280.00 are due."""
    house = house_of(world)
    assert "interval_change" in house.environment.accept_unknown, "no acceptance is an answer"
    house.reconcile()
    began, anchor = house.world.now, house.objects("subscriptions")[0]["billing_cycle_anchor"]
    until(house, began + 10 * DAY)
    if answer:
        answered(house, answer)
    go_annual(world, house)
    stored = house.plan()
    (action,) = stored.plan.actions
    (verdict,) = stored.verdicts
    assert (verdict.decision, action.cause) == (decision, "interval")
    assert said in " ".join(verdict.refusals)
    assert action.due_now == {"usd": Decimal(28_000)}
    assert action.after["billing_cycle_anchor"] == {"type": "now"}
    assert "proration_date" not in action.after
    house.reconcile()
    (subscription,) = house.objects("subscriptions")
    invoices = [i["total"] for i in house.objects("invoices") if i["billing_reason"] == "subscription_update"]
    assert subscription["billing_cycle_anchor"] == (began + 10 * DAY if answer == "yes" else anchor)
    assert invoices == ([28_000] if answer == "yes" else [])
    assert bool(house.plan().plan.actions) == (answer != "yes")


def test_a_change_of_interval_of_what_is_billed_for_use_always_waits(house_of: Build) -> None:
    """The period of the use would be cut, so no answer of Stripe's lets it happen by itself."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    monthly = usage("calls", 0.01)
    world.plan("pro", "Pro", [flat(30), flat(300, period="ANNUALLY"), monthly])
    world.customer("c-1", "Customer 1", "c1@example.test")
    world.subscription("s-1", "c-1", "pro", hours_ago=0)
    house = house_of(world)
    house.reconcile()
    answered(house, "yes")
    calls = world.stigg["subscriptions"][0]["prices"][1]
    go_annual(world, house)
    world.stigg["subscriptions"][0]["prices"].append(calls)
    house.merge(world)
    stored = house.plan()
    assert [(a.kind, a.cause) for a in stored.plan.actions] == [("subscription.update", "interval_usage")]
    (verdict,) = stored.verdicts
    assert verdict.decision == "wait"
    assert "always wait for a person" in " ".join(verdict.refusals)


@pytest.mark.parametrize(
    ("answer", "said"), [("no", ["Stripe answered 'no'", "bank debit"]), ("yes", ["bank debit"])], ids=["no", "yes"]
)
def test_a_change_of_interval_that_a_bank_debit_pays_waits_for_both_reasons(
    house_of: Build, world: WorldBuilder, answer: str, said: list[str]
) -> None:
    """300.00 for the year less 20.00 that are not used, 280.00, by a debit: the person reads each reason by itself."""
    world.stigg["subscriptions"][0]["paymentCollectionMethod"] = "CHARGE"
    house = house_of(world)
    house.reconcile()
    attach_card(house, "c-1", "4242")
    house.reconcile()
    give_account(house)
    until(house, house.objects("subscriptions")[0]["start_date"] + 10 * DAY)
    answered(house, answer)
    go_annual(world, house)
    world.stigg["subscriptions"][0]["paymentCollectionMethod"] = "CHARGE"
    house.merge(world)
    stored = house.plan()
    (action,) = [a for a in stored.plan.actions if a.target == "subscription:test:s-1"]
    (verdict,) = [v for v in stored.verdicts if action.hash in v.actions]
    assert (verdict.decision, action.causes) == ("wait", ("interval", "bank_debit"))
    assert action.due_now == {"usd": Decimal(28_000)}
    told = " ".join(verdict.refusals)
    assert [reason for reason in ("Stripe answered 'no'", "bank debit") if reason in told] == said
