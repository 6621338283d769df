"""Modes, limits and places: what is not allowed waits or stops, and everything else goes on (invariants 5 to 8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.core.errors import AccountRefused, FatalError, NotAuthorized, NotReady, StalePlan, Transient
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.reconcile.steps.apply import apply
from stripe_sync.jobs.runtime.runner import run_until
from stripe_sync.warehouse.writes import leases
from tests.support.harness import Harness
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def test_observe_writes_nothing(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(modes={})
    result = harness.reconcile()
    assert harness.writes() == 0
    assert result["results"] == {"waiting": 17}
    assert harness.status("s-1") == ("PENDING", "OBSERVED_ONLY")


def test_propose_makes_every_group_wait(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(modes={"catalog": "propose", "customers": "propose", "subscriptions": "propose"})
    harness.reconcile()
    assert harness.writes() == 0
    assert harness.status("pro") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_a_runs_mode_makes_it_less_bold_and_never_bolder(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile(mode="observe")
    assert harness.writes() == 0
    harness.change(modes={})
    harness.reconcile(mode="propose")
    assert harness.writes() == 0


def test_a_group_over_its_limit_waits_and_the_others_go_on(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.limit(per_month={"usd": "10"})
    result = harness.reconcile()
    assert result["made"] == {"product.create": 5, "price.create": 3, "product.set_default": 3, "customer.create": 3}
    assert harness.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")
    (guard_result,) = [v for v in harness.plan().guard_results if v.decision == "wait"]
    assert guard_result.refusals == [
        "105.00 USD per month is more than 10.00 USD of environments.test.limits.per_month.usd."
    ], "three base fees of 20.00 and 2 + 3 + 4 seats at 5.00"


def test_a_currency_without_a_limit_waits(harness_of: Build, small_world: WorldBuilder) -> None:
    for price in small_world.stigg["plans"][0]["prices"]:
        price["price"]["currency"] = "GBP"
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [("actions", 2, "actions are more than the 2"), ("day_actions", 1, "today are more than the 1")],
)
def test_each_limit_names_its_figure_and_its_place(
    harness_of: Build, small_world: WorldBuilder, limit: str, value: int, words: str
) -> None:
    harness = harness_of(small_world)
    harness.limit(**{limit: value})
    refusals = [r for v in harness.plan().guard_results for r in v.refusals]
    assert any(words in r and f"environments.test.limits.{limit}" in r for r in refusals), refusals


def test_a_change_of_too_many_and_too_many_archives_wait(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    for customer in small_world.stigg["customers"]:
        customer["name"] += "!"
    harness.merge(small_world)
    harness.limit(share=0.5)
    (guard_result,) = harness.plan().guard_results
    assert guard_result.refusals == [
        "3 of 3 objects of customers are more than the share 0.5 of environments.test.limits.share."
    ]
    harness.reconcile()
    assert harness.status("c-1") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_a_subscription_that_began_long_ago_always_waits(harness_of: Build, small_world: WorldBuilder) -> None:
    from sandbox.world.state import iso

    began = iso(small_world.now - 49 * 3600)
    small_world.stigg["subscriptions"][0] |= {"startDate": began, "createdAt": began}
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")
    assert harness.status("s-2") == ("SUCCESS", "")
    (action,) = harness.plan().plan.actions
    assert action.cause == "late_start"
    assert "backdate_start_date" not in action.after
    assert action.due_now == {}


def test_a_subscription_whose_trial_has_days_left_is_billed_from_when_it_is_made(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """It was paid for before its trial ended: Stripe takes no start in the future, and the running period is charged."""
    from sandbox.world.state import iso

    small_world.stigg["subscriptions"][0] |= {"wasInTrial": True, "trialEndDate": iso(small_world.now + 3 * 86400)}
    harness = harness_of(small_world)
    planned = harness.plan().plan.hash
    harness.later(3600)
    assert harness.plan(full=True).plan.hash == planned, "what was approved an hour ago is still what is made"
    now = harness.world.now
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", "")
    (sub,) = [s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    assert now <= sub["start_date"] <= harness.world.now
    assert sub["latest_invoice"]


def test_the_native_integration_holds_everything_at_observe(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.stigg["integrations"] = [
        {"id": "00000000-0000-4000-8000-000000000001", "vendorIdentifier": "STRIPE", "vendorType": "BILLING"}
    ]
    harness = harness_of(small_world)
    harness.world.unknowns["integrations_readable"] = True
    harness.reconcile()
    assert harness.writes() == 0
    assert "native Stripe integration is connected" in harness.plan().guard_results[0].refusals[0]


@ends("integrations_readable", yes=(True, ""), no=(False, "Stigg's integrations cannot be read with this key"))
def test_a_native_integration_that_cannot_be_read_counts_as_connected(
    harness_of: Build, small_world: WorldBuilder, end: tuple[bool, str]
) -> None:
    """There is none: where the key may not read that, everything is held until a person declares it."""
    harness = harness_of(small_world)
    harness.change(stigg={"native_integration": "unknown"})
    harness.reconcile()
    written, why = end
    assert harness.writes() > 0 if written else harness.writes() == 0
    refusals = [text for guard_result in harness.plan().guard_results for text in guard_result.refusals]
    assert any(why in text for text in refusals) if why else refusals == []
    assert why in end
    harness.change(stigg={"native_integration": "removed"})
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", "")


def test_another_accounts_key_stops_everything_before_a_snapshot(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(stripe_account="acct_another")
    with pytest.raises(AccountRefused, match=r"acct_1SANDBOX000000001.*declares acct_another"):
        harness.reconcile()
    with harness.engine.connect() as connection:
        assert connection.execute(text("select count(*) from stripe_sync.snapshot")).scalar() == 0
    assert harness.writes() == 0


def test_a_test_key_on_a_live_environment_is_refused(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(live=True)
    with pytest.raises(NotAuthorized, match="is live and connection stripe_default has a test key"):
        harness.reconcile()
    assert harness.writes() == 0


def test_a_production_stigg_environment_goes_with_live_alone(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.stigg["environment"]["type"] = "PRODUCTION"
    harness = harness_of(small_world)
    with pytest.raises(AccountRefused, match="PRODUCTION"):
        harness.reconcile()


def test_a_lane_that_is_left_alone_three_times_running_fails_the_run(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    with leases.held(harness.engine, "test", "catalog", holder="a run that hangs"):
        for _ in range(2):
            with pytest.raises(NotReady, match="a run that hangs"):
                harness.reconcile()
        with pytest.raises(FatalError, match="3 runs in a row"):
            harness.reconcile()
    harness.reconcile()
    assert harness.plan().plan.actions == []


def test_an_account_that_changes_under_the_run_is_written_nothing(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.world.faults.append(Fault("GET", "/v1/account", nth=2, kind="account"))
    with pytest.raises(AccountRefused, match="Wrong Stripe account"):
        harness.reconcile()
    assert harness.writes() == 0


def test_a_clock_that_jumps_makes_the_plan_stale_and_not_wrong(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.plan()
    harness.world.faults.append(Fault("GET", "/v1/subscriptions", kind="clock", seconds=2 * 3600))
    with pytest.raises(StalePlan):
        harness.reconcile()
    assert harness.writes() == 0
    harness.reconcile()
    assert harness.plan().plan.actions == []


def test_an_old_plan_is_refused(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    stored = harness.plan()
    harness.world.now += int(timedelta(minutes=61).total_seconds())
    with pytest.raises(StalePlan, match="plan again"):
        harness.apply_run(stored.run_id)
    assert harness.writes() == 0


def test_a_lane_that_somebody_writes_is_left_alone(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    with leases.held(harness.engine, "test", "catalog", holder="another run"):
        with pytest.raises(NotReady, match="being written by another run"):
            harness.reconcile("first")
        assert harness.writes() == 0
    harness.reconcile("first")
    assert harness.status("s-1") == ("SUCCESS", "")


def test_an_earlier_try_of_the_same_run_is_waited_for_and_not_given_up(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    with (
        leases.held(harness.engine, "test", "catalog", holder="the-run"),
        pytest.raises(Transient, match="earlier try"),
    ):
        harness.reconcile("the-run")


def test_settings_that_became_stricter_hold_for_a_plan_that_was_made_before(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    stored = harness.plan()
    harness.change(modes={})
    assert harness.apply_run(stored.run_id)["results"] == {"waiting": 17}
    assert harness.writes() == 0


def test_the_brake_is_read_before_every_write(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    with harness.engine.begin() as connection:
        connection.execute(
            text(
                "insert into stripe_sync.lane_pause (environment, lane, reason, paused_by) values ('test', 'customers', 'audit', 'ann')"
            )
        )
    harness.reconcile()
    assert harness.status("c-1") == ("PENDING", "PAUSED")
    assert harness.status("pro") == ("SUCCESS", "")
    assert harness.status("s-1") == ("PENDING", "BLOCKED_BY")
    assert harness.objects("customers") == []


def test_a_change_in_stripe_after_the_plan_is_not_overwritten(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 8
    harness.merge(small_world)
    session = harness.session()
    run = harness.run(session, "slow")
    run_until(session, run, RECONCILE, "plan")
    (subscription,) = [s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    seats = next(i for i in subscription["items"]["data"] if i["price"]["unit_amount"] == 500)
    harness.stripe().v1.subscriptions.update(
        subscription["id"], {"items": [{"id": seats["id"], "quantity": 4}], "proration_behavior": "none"}
    )
    assert apply(session, run).summary.results == {"refused": 1}
    session.close()
    assert harness.status("s-1") == ("ERROR", "CHANGED_SINCE")
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", "")
