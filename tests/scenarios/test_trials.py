"""Trials that a checkout page sold, such as one of an earlier version: one subscription on both sides (BILLING 14).

Each story runs a minute, a day and ten days after its event. The plan costs 20.00 a month and 0.50 a call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from tests.scenarios.test_checkout import bought, completed, opened, pays
from tests.support.harness import Harness
from tests.support.metering import DAY, MINUTE, until, use

Build = Callable[[WorldBuilder], Harness]
TRIAL = 14 * DAY
DELAYS = (MINUTE, DAY, 10 * DAY)


@pytest.fixture
def shop(small_world: WorldBuilder) -> WorldBuilder:
    """Return the small world with a plan of 20.00 a month and 0.50 a call, and a customer who has bought nothing yet."""
    small_world.feature("calls", "API calls", meterType="Incremental")
    small_world.plan("metered", "Metered", [flat(20), usage("calls", 0.5)])
    small_world.customer("new", "New customer", "new@example.test")
    return small_world


def in_trial(harness: Harness) -> dict[str, Any]:
    """Sell the plan with a trial of 14 days, and return the subscription in Stigg."""
    harness.reconcile()
    page = opened(harness, plan="metered", quantities={})
    harness.world.call_state[page["session"]]["subscription_data"]["trial_period_days"] = TRIAL // DAY
    pays(harness, page)
    completed(harness, page["session"])
    assert bought(harness)["status"] == "trialing"
    return harness.stigg("subscriptions", subscriptionId="s-new")


def run_late(harness: Harness, event: int) -> None:
    """Run both jobs a minute, a day and ten days after an event."""
    for delay in DELAYS:
        until(harness, event + delay)
        harness.reconcile()
        harness.usage()


def charged(harness: Harness) -> list[int]:
    """Return the totals of the subscription's invoices that bill something."""
    own = [i for i in harness.objects("invoices")
           if i["parent"]["subscription_details"]["subscription"] == bought(harness)["id"]]  # fmt: skip
    return [invoice["total"] for invoice in own if invoice["total"]]


def test_use_within_the_trial_is_not_billed(harness_of: Build, shop: WorldBuilder) -> None:
    """100 calls at 0.50 were used on day 3: the first invoice is 20.00, and was 70.00. 10 calls after the trial are 5.00."""
    harness = harness_of(shop)
    row = in_trial(harness)
    end = bought(harness)["trial_end"]
    until(harness, end - TRIAL + 3 * DAY)
    use(harness, 100, harness.world.now, customerId="new")
    until(harness, end)
    row["status"] = "ACTIVE"
    run_late(harness, end)
    assert charged(harness) == [2000]
    use(harness, 10, harness.world.now, customerId="new")
    until(harness, bought(harness)["items"]["data"][0]["current_period_end"] + MINUTE)
    harness.reconcile()
    harness.usage()
    assert charged(harness) == [2000, 2500]
