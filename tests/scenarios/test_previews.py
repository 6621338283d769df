"""``due_now`` is what Stripe itself says it is; a preview that Stripe refuses is an error of that row alone (BILLING 6)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat
from sandbox.world.state import Fault, iso
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.approvals import approve
from stripe_sync.jobs.runtime.runner import run_job, run_until
from stripe_sync.warehouse.comparisons import statuses
from tests.scenarios.test_approvals import say, waiting
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
HOUR, DAY = 3600, 86_400
PREVIEW = "/v1/invoices/create_preview"


def with_customers(harness_of: Build, small_world: WorldBuilder) -> Harness:
    """A harness in which catalog and customers are in Stripe, and no subscription is yet."""
    harness = harness_of(small_world)
    harness.change(modes=harness.environment.modes | {"subscriptions": "observe"})
    harness.reconcile()
    harness.change(modes=harness.environment.modes | {"subscriptions": "enforce"})
    return harness


def creations(harness: Harness) -> dict[str, Any]:
    return {a.target: a for a in harness.plan().plan.actions if a.kind == "subscription.create"}


def invoices(harness: Harness, id: str) -> list[int]:
    (found,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return [
        i["total"]
        for i in harness.objects("invoices")
        if ((i["parent"] or {}).get("subscription_details") or {}).get("subscription") == found["id"]
    ]


@pytest.mark.parametrize("kind", ["plain", "coupon", "short period", "one-off"])
def test_what_a_creation_costs_now_is_stripes_own_figure_and_the_invoices(
    harness_of: Build, small_world: WorldBuilder, kind: str
) -> None:
    """money.md 3: the previews of creations were refused without a message.

    s-1 is 20.00 and 2 seats at 5.00, 30.00 a month, and began three hours ago.
    """
    expected = 3_000
    row = small_world.stigg["subscriptions"][0]
    if kind == "coupon":
        small_world.coupon("half", percent=50)
        row["coupons"] = [small_world.applied("half")]
        expected = 1_500
    elif kind == "short period":  # the anchor comes 15 days after the start: 15 of 30 days of 20.00 and of 10.00
        row["currentBillingPeriodEnd"] = iso(small_world.now - 3 * HOUR + 15 * DAY)
        expected = 1_500
    elif kind == "one-off":
        setup = flat(7) | {"billingCadence": "ONE_OFF"}
        small_world.plan("pro", "Pro", [*small_world.stigg["plans"][0]["prices"], setup], version=2)
        latest = small_world.stigg["plans"][-1]
        row["plan"]["versionNumber"] = 2
        row["prices"] = [small_world.charge_of("s-1", price, {"seats": 2}) for price in latest["prices"]]
        expected = 3_700
    harness = with_customers(harness_of, small_world)
    action = creations(harness)["subscription:test:s-1"]
    sent = [r.params for r in harness.world.requests if r.path == PREVIEW]
    assert all(p["subscription_details"]["billing_cycle_anchor"]["type"] == "timestamp" for p in sent)
    assert {r.status for r in harness.world.requests if r.path == PREVIEW} == {200}
    assert action.due_now == {"usd": Decimal(expected)}
    harness.reconcile()
    assert invoices(harness, "s-1") == [expected]


def upgraded(harness: Harness, small_world: WorldBuilder) -> None:
    """Raise the seats of s-1 from 2 to 8 three hours after its period began: 6 × 5.00 for 717 of 720 hours are 29.875, rounded down."""
    harness.reconcile()
    harness.later(HOUR)
    row = small_world.stigg["subscriptions"][0]
    seats = next(price for price in row["prices"] if price.get("usageLimit"))
    seats |= {"usageLimit": 8, "updatedAt": iso(small_world.now)}
    harness.merge(small_world)


def add_pending(harness: Harness, amount: int) -> None:
    """Add a pending invoice item of another party to the subscription s-1."""
    (held,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == "s-1"]
    harness.stripe().v1.invoice_items.create(
        {"customer": held["customer"], "subscription": held["id"], "amount": amount, "currency": "usd"}
    )


def detail(harness: Harness, id: str) -> str:
    (found,) = [s for s in statuses.find(harness.engine, "test", id) if s.kind == "subscription"]
    return found.detail


def test_an_approved_change_is_not_sent_at_another_amount(harness_of: Build, small_world: WorldBuilder) -> None:
    """An approval names hashes: 29.87 were approved, and another party's item of 3,000.00 would ride on the invoice."""
    harness = harness_of(small_world)
    harness.reconcile()
    harness.change(modes=harness.environment.modes | {"subscriptions": "propose"})
    upgraded(harness, small_world)
    harness.reconcile()
    (first,) = waiting(harness)
    planned = first.request.due_now["usd"]
    say(harness, approve, first.request.hash)
    add_pending(harness, 300_000)
    harness.reconcile(approval=first.request.hash)
    assert len(invoices(harness, "s-1")) == 1, "nothing but the first invoice"
    assert "3029.87 USD now, and 29.87 USD were approved" in detail(harness, "s-1")
    harness.later(HOUR)
    harness.reconcile()
    (second,) = waiting(harness)
    assert second.request.due_now["usd"] == planned + 300_000
    say(harness, approve, second.request.hash)
    harness.reconcile(approval=second.request.hash)
    assert max(invoices(harness, "s-1")) == planned + 300_000


def test_a_change_whose_amount_moved_after_the_plan_is_planned_again(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    upgraded(harness, small_world)
    session = harness.session()
    run = harness.run(session)
    run_until(session, run, RECONCILE, "plan")
    add_pending(harness, 300_000)
    run_job(session, run, RECONCILE)
    session.close()
    assert len(invoices(harness, "s-1")) == 1
    assert harness.status("s-1") == ("PENDING", "AMOUNT_CHANGED")
    assert "3029.87 USD now, and 29.87 USD were planned" in detail(harness, "s-1")


def test_a_refused_preview_is_an_error_of_that_row_alone(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = with_customers(harness_of, small_world)
    harness.world.faults.append(Fault("POST", PREVIEW, nth=1, status=400))
    harness.reconcile()
    (status,) = [s for s in statuses.find(harness.engine, "test", "s-1") if s.kind == "subscription"]
    assert (status.status, status.reason) == ("ERROR", "STRIPE_REFUSED")
    assert "Its preview was refused" in status.detail
    assert harness.status("s-2") == harness.status("s-3") == ("SUCCESS", "")
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", ""), "the next preview is answered"


def test_a_preview_without_an_answer_leaves_the_amount_that_was_computed(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = with_customers(harness_of, small_world)
    harness.attempts = 1
    harness.world.faults.append(Fault("POST", PREVIEW, status=500, times=3))
    action = creations(harness)["subscription:test:s-1"]
    assert action.due_now == {"usd": Decimal(3_000)}
