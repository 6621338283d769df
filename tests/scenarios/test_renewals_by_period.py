"""Detection of renewals, and the effect of the customer's balance (findings F10 and F21)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder
from tests.support.harness import Harness
from tests.support.metering import (
    DAY,
    HOUR,
    MINUTE,
    audited,
    cycle,
    lines,
    metered_world,
    month_end,
    period_end,
    subscription,
    until,
    use,
)

Build = Callable[[WorldBuilder], Harness]


def test_usage_never_goes_on_the_last_invoice_of_a_cancellation(harness_of: Build) -> None:
    """F10, FACTS_A 32, SB 2.7: its reason is ``subscription_cycle``, and its credit, with whatever is on it, reaches nobody."""
    env = harness_of(metered_world())
    env.reconcile()
    until(env, period_end(env) - 10 * DAY)
    use(env, 1234, env.world.now - HOUR)
    env.reconcile()
    env.usage()
    env.stripe().v1.subscriptions.cancel(subscription(env)["id"], {"prorate": True, "invoice_now": True})
    last = cycle(env)
    assert (last["status"], last["total"] < 0) == ("draft", True)
    env.later(1)
    env.reconcile()
    env.usage()
    assert lines(env.world.stripe["invoices"][last["id"]]) == []
    (own,) = [i for i in env.objects("invoices") if i["billing_reason"] == "manual"]
    assert lines(own) == [("1234", 333)], "1234 x 0.27 cents are 3.33 USD, on an invoice of our own"


def test_the_audit_of_a_month_says_what_the_balance_did(harness_of: Build) -> None:
    """F21, FACTS_A 20-23: 20.00 and 1234 calls at 0.0027 (3.33) are 23.33; 5.00 of credit leaves 18.33 to pay."""
    env = harness_of(metered_world())
    end = month_end(env)
    env.usage()
    env.world.stripe["customers"][subscription(env)["customer"]]["balance"] = -500
    until(env, end + HOUR + MINUTE)
    env.usage()
    invoice = cycle(env)
    assert (invoice["total"], invoice["amount_due"], invoice["starting_balance"]) == (2333, 1833, -500)
    session = env.session()
    (row,) = [r for r in audited(session, f"{session.clock.now():%Y-%m}") if r["invoice"] == invoice["id"]]
    session.close()
    assert (row["expected"], row["invoiced"], row["difference"]) == (2333, 2333, 0)
    assert (row["total"], row["balance"], row["due"]) == (2333, -500, 1833)
