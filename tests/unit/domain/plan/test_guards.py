"""Limits hold over all groups of a lane that one run applies without a person (DESIGN 5, invariant 7)."""

from __future__ import annotations

from decimal import Decimal

from stripe_sync.core.lanes import Lane
from stripe_sync.core.settings import Environment, Limits
from stripe_sync.domain.plan.actions import Action, ActionKind, Plan
from stripe_sync.domain.plan.guards import Decision, GuardContext, GuardResult, evaluate_guards

CAUSES = ("quantity", "price", "discount")


def change(cause: str, *, target: str = "1", due_now: int = 0, currency: str = "usd") -> Action:
    return Action(
        kind=ActionKind.SUBSCRIPTION_UPDATE, lane=Lane.SUBSCRIPTIONS, target=f"subscription:e:{cause}-{target}",
        before={}, after={"n": cause}, cause=cause, due_now={currency: Decimal(due_now)},
    )  # fmt: skip


def results(actions: list[Action], limits: Limits, *, written: int = 0) -> list[GuardResult]:
    environment = Environment(stripe_account="acct_1", name="e", modes={"subscriptions": "enforce"}, limits=limits)
    context = GuardContext(written_today={"subscriptions": written})
    return evaluate_guards(Plan(environment="e", actions=actions), environment, context)


def decisions(actions: list[Action], limits: Limits, *, written: int = 0) -> list[Decision]:
    return [result.decision for result in results(actions, limits, written=written)]


def test_three_groups_of_40_are_more_than_a_limit_of_100() -> None:
    made = results([change(cause, due_now=4000) for cause in CAUSES], Limits(due_now={"usd": "100"}))
    assert [result.decision for result in made] == [Decision.APPLY, Decision.APPLY, Decision.WAIT]
    assert made[2].refusals == ["120.00 USD due now is more than 100.00 USD of environments.e.limits.due_now.usd."]
    assert made[2].due_now == {"usd": Decimal(4000)}


def test_a_group_that_waits_leaves_the_limit_to_the_next() -> None:
    amounts = {"quantity": 4000, "price": 9000, "discount": 6000}
    made = [change(cause, due_now=amount) for cause, amount in amounts.items()]
    assert decisions(made, Limits(due_now={"usd": "100"})) == [Decision.APPLY, Decision.WAIT, Decision.APPLY]


def test_a_credit_counts_as_much_as_a_charge() -> None:
    made = [change("quantity", due_now=6000), change("price", due_now=-6000)]
    assert decisions(made, Limits(due_now={"usd": "100"})) == [Decision.APPLY, Decision.WAIT]


def test_a_group_without_money_passes_a_limit_that_others_reached() -> None:
    made = [change("quantity", due_now=10_000), change("price"), change("discount", due_now=100, currency="eur")]
    limits = Limits(due_now={"usd": "100", "eur": "1"})
    assert decisions(made, limits) == [Decision.APPLY] * 3


def test_writes_of_the_day_are_counted_over_the_groups_of_a_run() -> None:
    made = [change(cause, target=str(n)) for cause in CAUSES for n in (1, 2)]
    assert decisions(made, Limits(day_actions=10), written=5) == [Decision.APPLY, Decision.APPLY, Decision.WAIT]
