"""Modes, limits and places: what is not allowed waits or stops, and everything else goes on (invariants 5 to 8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.core.errors import AccountRefused, NotAuthorized, RunStopped, StalePlan, Transient, Waiting
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.reconcile.steps.apply import apply
from stripe_sync.jobs.runtime.runner import run_until
from stripe_sync.warehouse.writes import leases
from tests.house import House
from tests.switches import ends

Build = Callable[[WorldBuilder], House]


def test_observe_writes_nothing(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.change(modes={})
    result = house.reconcile()
    assert house.writes() == 0
    assert result["results"] == {"waiting": 17}
    assert house.status("s-1") == ("PENDING", "OBSERVED_ONLY")


def test_propose_makes_every_group_wait(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.change(modes={"catalog": "propose", "customers": "propose", "subscriptions": "propose"})
    house.reconcile()
    assert house.writes() == 0
    assert house.status("pro") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_a_runs_mode_makes_it_less_bold_and_never_bolder(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile(mode="observe")
    assert house.writes() == 0
    house.change(modes={})
    house.reconcile(mode="propose")
    assert house.writes() == 0


def test_a_group_over_its_limit_waits_and_the_others_go_on(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.limit(per_month={"usd": "10"})
    result = house.reconcile()
    assert result["made"] == {"product.create": 5, "price.create": 3, "product.set_default": 3, "customer.create": 3}
    assert house.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")
    (verdict,) = [v for v in house.plan().verdicts if v.decision == "wait"]
    assert verdict.refusals == [
        "105.00 USD per month is more than 10.00 USD of environments.test.limits.per_month.usd."
    ], "three base fees of 20.00 and 2 + 3 + 4 seats at 5.00"


def test_a_currency_without_a_limit_waits(house_of: Build, town: WorldBuilder) -> None:
    for price in town.stigg["plans"][0]["prices"]:
        price["price"]["currency"] = "GBP"
    house = house_of(town)
    house.reconcile()
    assert house.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [("actions", 2, "actions are more than the 2"), ("day_actions", 1, "today are more than the 1")],
)
def test_each_limit_names_its_figure_and_its_place(
    house_of: Build, town: WorldBuilder, limit: str, value: int, words: str
) -> None:
    house = house_of(town)
    house.limit(**{limit: value})
    refusals = [r for v in house.plan().verdicts for r in v.refusals]
    assert any(words in r and f"environments.test.limits.{limit}" in r for r in refusals), refusals


def test_a_change_of_too_many_and_too_many_archives_wait(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    for customer in town.stigg["customers"]:
        customer["name"] += "!"
    house.merge(town)
    house.limit(share=0.5)
    (verdict,) = house.plan().verdicts
    assert verdict.refusals == [
        "3 of 3 objects of customers are more than the share 0.5 of environments.test.limits.share."
    ]
    house.reconcile()
    assert house.status("c-1") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_a_subscription_that_began_long_ago_always_waits(house_of: Build, town: WorldBuilder) -> None:
    from sandbox.world.state import iso

    began = iso(town.now - 49 * 3600)
    town.stigg["subscriptions"][0] |= {"startDate": began, "createdAt": began}
    house = house_of(town)
    house.reconcile()
    assert house.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")
    assert house.status("s-2") == ("SUCCESS", "")
    (action,) = house.plan().plan.actions
    assert action.cause == "late_start"
    assert "backdate_start_date" not in action.after
    assert action.due_now == {}


def test_a_subscription_whose_trial_has_days_left_is_billed_from_when_it_is_made(
    house_of: Build, town: WorldBuilder
) -> None:
    """It was paid for before its trial ended: Stripe takes no start in the future, and the running period is charged."""
    from sandbox.world.state import iso

    town.stigg["subscriptions"][0] |= {"wasInTrial": True, "trialEndDate": iso(town.now + 3 * 86400)}
    house = house_of(town)
    planned = house.plan().plan.hash
    house.later(3600)
    assert house.plan(full=True).plan.hash == planned, "what was approved an hour ago is still what is made"
    now = house.world.now
    house.reconcile()
    assert house.status("s-1") == ("SUCCESS", "")
    (sub,) = [s for s in house.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    assert now <= sub["start_date"] <= house.world.now
    assert sub["latest_invoice"]


def test_the_native_integration_holds_everything_at_observe(house_of: Build, town: WorldBuilder) -> None:
    town.stigg["integrations"] = [
        {"id": "00000000-0000-4000-8000-000000000001", "vendorIdentifier": "STRIPE", "vendorType": "BILLING"}
    ]
    house = house_of(town)
    house.world.unknowns["integrations_readable"] = True
    house.reconcile()
    assert house.writes() == 0
    assert "native Stripe integration is connected" in house.plan().verdicts[0].refusals[0]


@ends("integrations_readable", yes=(True, ""), no=(False, "Stigg's integrations cannot be read with this key"))
def test_a_native_integration_that_cannot_be_read_counts_as_connected(
    house_of: Build, town: WorldBuilder, end: tuple[bool, str]
) -> None:
    """There is none: where the key may not read that, everything is held until a person declares it."""
    house = house_of(town)
    house.change(native_integration="unknown")
    house.reconcile()
    written, why = end
    assert house.writes() > 0 if written else house.writes() == 0
    refusals = [text for verdict in house.plan().verdicts for text in verdict.refusals]
    assert any(why in text for text in refusals) if why else refusals == []
    assert why in end
    house.change(native_integration="removed")
    house.reconcile()
    assert house.status("s-1") == ("SUCCESS", "")


def test_another_accounts_key_stops_everything_before_a_snapshot(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.change(stripe_account="acct_another")
    with pytest.raises(AccountRefused, match=r"acct_1SANDBOX000000001.*declares acct_another"):
        house.reconcile()
    with house.engine.connect() as connection:
        assert connection.execute(text("select count(*) from snapshot")).scalar() == 0
    assert house.writes() == 0


def test_a_test_key_on_a_live_environment_is_refused(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.change(live=True)
    with pytest.raises(NotAuthorized, match="is live and the connection stripe_default holds a test key"):
        house.reconcile()
    assert house.writes() == 0


def test_a_production_stigg_environment_goes_with_live_alone(house_of: Build, town: WorldBuilder) -> None:
    town.stigg["environment"]["type"] = "PRODUCTION"
    house = house_of(town)
    with pytest.raises(AccountRefused, match="PRODUCTION"):
        house.reconcile()


def test_a_lane_that_is_left_alone_three_times_running_fails_the_run(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    with leases.held(house.engine, "test", "catalog", holder="a run that hangs"):
        for _ in range(2):
            with pytest.raises(Waiting, match="a run that hangs"):
                house.reconcile()
        with pytest.raises(RunStopped, match="3 times running"):
            house.reconcile()
    house.reconcile()
    assert house.plan().plan.actions == []


def test_an_account_that_changes_under_the_run_is_written_nothing(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.world.faults.append(Fault("GET", "/v1/account", nth=2, kind="account"))
    with pytest.raises(AccountRefused, match="belongs to the account"):
        house.reconcile()
    assert house.writes() == 0


def test_a_clock_that_jumps_makes_the_plan_stale_and_not_wrong(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.plan()
    house.world.faults.append(Fault("GET", "/v1/subscriptions", kind="clock", seconds=2 * 3600))
    with pytest.raises(StalePlan):
        house.reconcile()
    assert house.writes() == 0
    house.reconcile()
    assert house.plan().plan.actions == []


def test_an_old_plan_is_refused(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    stored = house.plan()
    house.world.now += int(timedelta(minutes=61).total_seconds())
    with pytest.raises(StalePlan, match="plan again"):
        house.apply_run(stored.run_id)
    assert house.writes() == 0


def test_a_lane_that_somebody_writes_is_left_alone(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    with leases.held(house.engine, "test", "catalog", holder="another run"):
        with pytest.raises(Waiting, match="being written by another run"):
            house.reconcile("first")
        assert house.writes() == 0
    house.reconcile("first")
    assert house.status("s-1") == ("SUCCESS", "")


def test_an_earlier_try_of_the_same_run_is_waited_for_and_not_given_up(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    with leases.held(house.engine, "test", "catalog", holder="the-run"), pytest.raises(Transient, match="earlier try"):
        house.reconcile("the-run")


def test_settings_that_became_stricter_hold_for_a_plan_that_was_made_before(
    house_of: Build, town: WorldBuilder
) -> None:
    house = house_of(town)
    stored = house.plan()
    house.change(modes={})
    assert house.apply_run(stored.run_id)["results"] == {"waiting": 17}
    assert house.writes() == 0


def test_the_brake_is_read_before_every_write(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    with house.engine.begin() as connection:
        connection.execute(
            text(
                "insert into pause (environment, lane, reason, paused_by) values ('test', 'customers', 'audit', 'ann')"
            )
        )
    house.reconcile()
    assert house.status("c-1") == ("PENDING", "PAUSED")
    assert house.status("pro") == ("SUCCESS", "")
    assert house.status("s-1") == ("PENDING", "BLOCKED_BY")
    assert house.objects("customers") == []


def test_a_change_in_stripe_after_the_plan_is_not_overwritten(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    town.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 8
    house.merge(town)
    session = house.session()
    run = house.run(session, "slow")
    run_until(session, run, RECONCILE, "plan")
    (subscription,) = [s for s in house.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    seats = next(i for i in subscription["items"]["data"] if i["price"]["unit_amount"] == 500)
    house.stripe().v1.subscriptions.update(
        subscription["id"], {"items": [{"id": seats["id"], "quantity": 4}], "proration_behavior": "none"}
    )
    assert apply(session, run)["results"] == {"refused": 1}
    session.close()
    assert house.status("s-1") == ("ERROR", "CHANGED_SINCE")
    house.reconcile()
    assert house.status("s-1") == ("SUCCESS", "")
