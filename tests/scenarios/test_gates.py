"""Checks of extracts before the comparison: empty, halved, old or broken ones stop a row or the run (invariants 5 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat
from sandbox.world.state import Fault
from stripe_sync.checks import run as gate
from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import CheckFailed, Incomplete, UnknownShape
from stripe_sync.jobs.extract import stripe_account
from stripe_sync.jobs.reconcile.steps.check import check_mirrors
from stripe_sync.jobs.reconcile.steps.compare import compare
from stripe_sync.jobs.reconcile.steps.extract_stigg import extract_stigg
from stripe_sync.jobs.reconcile.steps.extract_stripe import extract_stripe
from stripe_sync.warehouse.comparisons import comparisons
from stripe_sync.warehouse.snapshots import staging
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
pytestmark = pytest.mark.always_validated


@pytest.mark.parametrize("keep", [0, 4])
def test_an_empty_or_halved_extract_of_stigg_writes_nothing(
    harness_of: Build, small_world: WorldBuilder, keep: int
) -> None:
    for number in range(4, 24):
        small_world.customer(f"c-{number}", f"Customer {number}", f"c{number}@example.test")
        small_world.subscription(f"s-{number}", f"c-{number}", "pro")
    harness = harness_of(small_world)
    harness.reconcile()
    before = harness.frozen()
    for kind in ("customers", "subscriptions", *(("plans",) if keep == 0 else ())):
        harness.world.stigg[kind] = harness.world.stigg[kind][:keep]
    for _ in range(2):  # a bad extract never becomes what the next one is measured by
        with pytest.raises(CheckFailed, match=r"Check whether|empty extract"):
            harness.reconcile()
    assert harness.frozen() == before


def test_an_empty_or_halved_extract_of_any_kind_writes_nothing(harness_of: Build, small_world: WorldBuilder) -> None:
    for number in range(9):
        small_world.product(f"p-{number}", f"Product {number}")
        small_world.plan(f"plan-{number}", f"Plan {number}", [flat(5)])
        small_world.addon(f"addon-{number}", f"Add-on {number}", [flat(5)])
        small_world.customer(f"d-{number}", f"Customer {number}", f"d{number}@example.test")
        small_world.subscription(f"t-{number}", f"d-{number}", "pro")
    for number in range(12):
        small_world.coupon(f"coupon-{number}", percent=5)
    harness = harness_of(small_world)
    harness.reconcile()
    before = harness.frozen()
    for kind in ("products", "plans", "addons", "coupons", "customers", "subscriptions"):
        whole = harness.world.stigg[kind]
        for keep in (0, 4):
            harness.world.stigg[kind] = whole[:keep]
            with pytest.raises(
                (CheckFailed, UnknownShape)
            ):  # Stigg itself stumbles over subscriptions without their plan
                harness.reconcile()
        harness.world.stigg[kind] = whole
    assert harness.frozen() == before


def test_a_list_that_says_it_goes_on_and_shows_nothing_is_not_compared(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.stripe_customer("cus_alone")
    harness = harness_of(small_world)
    harness.world.faults.append(Fault("GET", "/v1/customers", kind="shift"))
    with pytest.raises(Incomplete, match="empty page"):
        harness.reconcile()
    assert harness.writes() == 0


def test_a_halved_extract_of_stripe_writes_nothing(harness_of: Build, small_world: WorldBuilder) -> None:
    for number in range(4, 24):
        small_world.customer(f"c-{number}", f"Customer {number}", f"c{number}@example.test")
        small_world.subscription(f"s-{number}", f"c-{number}", "pro")
    harness = harness_of(small_world)
    harness.reconcile()
    kept = dict(list(harness.world.stripe["customers"].items())[:5])
    hidden = {k: v for k, v in harness.world.stripe["customers"].items() if k not in kept}
    for row in hidden.values():
        row["test_clock"] = "clock_1"  # lists leave these out; reads by id do not
    assert harness.plan().plan.actions == [], "what a list does not show is read by its id"


def test_a_row_of_bad_data_stops_itself_alone(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.stigg["customers"][0]["email"] = "not an address"
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.status("c-1") == ("ERROR", "QUARANTINED")
    assert harness.status("s-1") == ("ERROR", "QUARANTINED")
    assert harness.status("s-2") == ("SUCCESS", "")
    assert len(harness.objects("customers")) == 2


def test_only_rows_that_changed_are_judged_again(
    harness_of: Build, small_world: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested: list[str] = []
    judge = gate.run_suite
    monkeypatch.setattr(
        gate, "run_suite", lambda source, suite, given: requested.append(suite.name) or judge(source, suite, given)
    )
    small_world.stigg["customers"][0]["email"] = "not an address"
    harness = harness_of(small_world)
    harness.reconcile()
    assert "stigg_customers" in requested
    requested.clear()
    harness.stigg("customers", customerId="c-2")["name"] = "Renamed"
    harness.reconcile()
    assert requested.count("stigg_customers") == 1
    assert "stigg_subscriptions" not in requested, "none of them changed"
    assert harness.status("c-1") == ("ERROR", "QUARANTINED"), "it is as it was when it was judged"
    harness.stigg("customers", customerId="c-3")["email"] = "neither is this"
    harness.reconcile()
    assert {harness.status(id) for id in ("c-1", "c-3")} == {("ERROR", "QUARANTINED")}
    for id in ("c-1", "c-3"):
        harness.stigg("customers", customerId=id)["email"] = "good@example.test"
    harness.reconcile()
    assert {harness.status(id) for id in ("c-1", "c-2", "c-3")} == {("SUCCESS", "")}


def test_an_unknown_pricing_model_is_that_plans_error(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.plan("odd", "Odd", [small_world.stigg["plans"][0]["prices"][0] | {"billingModel": "CREDIT_BASED"}])
    small_world.customer("c-odd", "Odd", "odd@example.test")
    small_world.subscription("s-odd", "c-odd", "odd")
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.status("odd") == ("ERROR", "PRICING_MODEL_NOT_SUPPORTED")
    assert harness.status("s-odd") == ("ERROR", "PRICING_MODEL_NOT_SUPPORTED")
    assert harness.status("s-1") == ("SUCCESS", "")


def test_a_plan_that_becomes_unsupported_leaves_what_it_had(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    before = harness.frozen()
    odd = small_world.stigg["plans"][0]["prices"][0] | {"billingModel": "CREDIT_BASED"}
    small_world.plan("pro", "Pro", [odd], version=2)
    harness.merge(small_world)
    assert harness.plan().plan.actions == []
    harness.reconcile()
    assert harness.frozen() == before
    assert harness.status("pro") == ("ERROR", "PRICING_MODEL_NOT_SUPPORTED")


def test_a_string_with_nul_is_replaced_and_reported(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.stigg["customers"][0]["name"] = "Nul\x00 here"
    harness = harness_of(small_world)
    harness.reconcile("the-run")
    session = harness.session()
    run = harness.run(session, "the-run")
    assert list(extract_stigg(session, run).with_nul) == [("customer", "c-1")]
    session.close()
    assert "Nul\ufffd here" in {c["name"] for c in harness.objects("customers")}
    assert harness.plan().plan.actions == []


def test_an_old_snapshot_is_not_compared(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    session = harness.session()
    old = harness.run(session, "old")
    ids = {"stigg": extract_stigg(session, old).snapshot, "stripe": extract_stripe(session, old).snapshot}
    harness.world.now += int(timedelta(hours=2).total_seconds())
    with pytest.raises(Incomplete, match="extract again"):
        compare(session, harness.run(session, "new"), **ids)
    session.close()


def test_an_object_of_the_other_mode_closes_the_gate_until_it_is_gone(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    session, now = harness.session(), from_epoch(harness.world.now)

    def land(row: dict[str, Any]) -> int:
        return staging.close(
            harness.engine, environment="test", side="stripe", run_id="by hand", kinds=stripe_account.KINDS, upper_bound=now,
            rows=[("customer", row["id"], row)], whole=(),
        ).id  # fmt: skip

    with harness.engine.connect() as connection:
        _, stigg, _ = comparisons.latest_pair(connection, "test") or ("", 0, 0)
    row, other = harness.objects("customers")[:2]
    for changed in (row | {"livemode": True}, other | {"name": "Changed as well"}):
        with pytest.raises(CheckFailed, match=f"in the mode that the environment declares.*{row['id']}"):
            check_mirrors(session, harness.run(session), stigg=stigg, stripe=land(changed))
    check_mirrors(session, harness.run(session), stigg=stigg, stripe=land(row))
    session.close()
