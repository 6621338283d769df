"""Trials that a checkout page sold, such as one of an earlier version: one subscription on both sides (BILLING 14).

Each story runs a minute, a day and ten days after its event. The plan costs 20.00 a month and 0.50 a call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.world.state import iso
from tests.scenarios.test_checkout import bought, completed, lines, opened, pays
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, until, use

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


def in_trial(harness: Harness, **more: Any) -> dict[str, Any]:
    """Sell a plan with a trial of 14 days, and return the subscription in Stigg."""
    harness.reconcile()
    page = opened(harness, **{"plan": "metered", "quantities": {}} | more)
    harness.world.call_state[page["session"]]["subscription_data"]["trial_period_days"] = TRIAL // DAY
    pays(harness, page)
    completed(harness, page["session"])
    assert bought(harness)["status"] == "trialing"
    return harness.stigg("subscriptions", subscriptionId="s-new")


def run_late(harness: Harness, event: int) -> None:
    """Reconcile a minute, a day and ten days after an event."""
    for delay in DELAYS:
        until(harness, event + delay)
        harness.reconcile()


def converted(harness: Harness, row: dict[str, Any], end: int) -> None:
    """Convert the trial in Stigg at its end, reconcile a minute later, and let its draft be finalized."""
    until(harness, end)
    row["status"] = "ACTIVE"
    until(harness, end + MINUTE)
    harness.reconcile()
    until(harness, end + 2 * HOUR)


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
    for delay in DELAYS:
        until(harness, end + delay)
        harness.reconcile()
        harness.usage()
    assert charged(harness) == [2000]
    use(harness, 10, harness.world.now, customerId="new")
    until(harness, bought(harness)["items"]["data"][0]["current_period_end"] + MINUTE)
    harness.reconcile()
    harness.usage()
    assert charged(harness) == [2000, 2500]


def test_a_trial_that_is_extended_is_charged_at_its_new_end(harness_of: Build, shop: WorldBuilder) -> None:
    """Extended on day 2 to 30 days: nothing on day 14, where 20.00 was charged, and 20.00 on day 30."""
    harness = harness_of(shop)
    row = in_trial(harness)
    start = harness.world.now
    until(harness, start + 2 * DAY)
    row["trialEndDate"] = iso(start + 30 * DAY)
    run_late(harness, start + 2 * DAY)
    until(harness, start + TRIAL + 2 * HOUR)
    assert (bought(harness)["status"], bought(harness)["trial_end"]) == ("trialing", start + 30 * DAY)
    assert charged(harness) == []
    converted(harness, row, start + 30 * DAY)
    assert charged(harness) == [2000]
    assert harness.status("s-new") == ("SUCCESS", "")


def test_seats_that_change_within_the_trial_are_charged_at_its_end(harness_of: Build, shop: WorldBuilder) -> None:
    """From 3 to 9 seats on day 2: nothing then, and 20.00 + 9 x 5.00 = 65.00 at the end, where 35.00 was charged."""
    harness = harness_of(shop)
    row = in_trial(harness, plan="pro", quantities={"seats": 3})
    end = bought(harness)["trial_end"]
    until(harness, end - 12 * DAY)
    seats = next(price for price in row["prices"] if price["featureId"] == "seats")
    seats |= {"usageLimit": 9, "updatedAt": iso(harness.world.now)}
    run_late(harness, harness.world.now)
    assert (harness.status("s-new"), lines(harness)) == (("SUCCESS", ""), [(1, 2000), (9, 500)])
    assert charged(harness) == []
    converted(harness, row, end)
    assert charged(harness) == [6500]


def test_a_trial_that_is_canceled_in_stripe_is_canceled_in_stigg(harness_of: Build, shop: WorldBuilder) -> None:
    """Canceled on day 2: canceled in Stigg by the run a minute later, where it stayed in trial; nothing is ever charged."""
    harness = harness_of(shop)
    harness.change(modes=harness.environment.modes | {"stigg-cancellations": "enforce"})
    row = in_trial(harness)
    until(harness, harness.world.now + 2 * DAY)
    harness.stripe().v1.subscriptions.cancel(bought(harness)["id"])
    run_late(harness, harness.world.now)
    assert (row["status"], harness.status("s-new")) == ("CANCELED", ("NO_SYNC_REQUIRED", "ENDED"))
    assert charged(harness) == []


def test_a_trial_that_converts_early_is_a_row_until_stripe_ends_it(harness_of: Build, shop: WorldBuilder) -> None:
    """Converted on day 2: each run names the date until which Stripe charges nothing; a person ends the trial there: 20.00."""
    harness = harness_of(shop)
    row = in_trial(harness)
    until(harness, harness.world.now + 2 * DAY)
    row |= {"status": "ACTIVE", "trialEndDate": iso(harness.world.now)}
    for delay in (MINUTE, DAY):
        until(harness, harness.world.now + delay)
        (found,) = harness.drift()
        assert (found.field, found.severity) == ("trial_end", "money")
    assert charged(harness) == []
    harness.stripe().v1.subscriptions.update(bought(harness)["id"], {"trial_end": "now"})
    assert charged(harness) == [2000]
    assert harness.drift() == []
