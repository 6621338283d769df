"""What was read is judged before it is compared: what is empty, halved, old or broken stops itself or the run (invariants 5 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat
from sandbox.world.state import Fault
from stripe_sync.checks import run as gate
from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import GateFailed, Incomplete, UnknownShape
from stripe_sync.jobs.extract import stripe_account
from stripe_sync.jobs.reconcile.steps.check import check_mirrors
from stripe_sync.jobs.reconcile.steps.compare import compare
from stripe_sync.jobs.reconcile.steps.extract import extract_stigg, extract_stripe
from stripe_sync.warehouse.comparisons import comparisons
from stripe_sync.warehouse.snapshots import staging
from tests.house import House

Build = Callable[[WorldBuilder], House]
pytestmark = pytest.mark.always_validated


@pytest.mark.parametrize("keep", [0, 4])
def test_an_empty_or_halved_extract_of_stigg_writes_nothing(house_of: Build, town: WorldBuilder, keep: int) -> None:
    for number in range(4, 24):
        town.customer(f"c-{number}", f"Customer {number}", f"c{number}@example.test")
        town.subscription(f"s-{number}", f"c-{number}", "pro")
    house = house_of(town)
    house.reconcile()
    before = house.frozen()
    for kind in ("customers", "subscriptions", *(("plans",) if keep == 0 else ())):
        house.world.stigg[kind] = house.world.stigg[kind][:keep]
    for _ in range(2):  # a bad extract never becomes what the next one is measured by
        with pytest.raises(GateFailed, match=r"look whether|empty extract"):
            house.reconcile()
    assert house.frozen() == before


def test_an_empty_or_halved_extract_of_any_kind_writes_nothing(house_of: Build, town: WorldBuilder) -> None:
    for number in range(9):
        town.product(f"p-{number}", f"Product {number}")
        town.plan(f"plan-{number}", f"Plan {number}", [flat(5)])
        town.addon(f"addon-{number}", f"Add-on {number}", [flat(5)])
        town.customer(f"d-{number}", f"Customer {number}", f"d{number}@example.test")
        town.subscription(f"t-{number}", f"d-{number}", "pro")
    for number in range(12):
        town.coupon(f"coupon-{number}", percent=5)
    house = house_of(town)
    house.reconcile()
    before = house.frozen()
    for kind in ("products", "plans", "addons", "coupons", "customers", "subscriptions"):
        whole = house.world.stigg[kind]
        for keep in (0, 4):
            house.world.stigg[kind] = whole[:keep]
            with pytest.raises(
                (GateFailed, UnknownShape)
            ):  # Stigg itself stumbles over subscriptions without their plan
                house.reconcile()
        house.world.stigg[kind] = whole
    assert house.frozen() == before


def test_a_list_that_says_it_goes_on_and_shows_nothing_is_not_compared(house_of: Build, town: WorldBuilder) -> None:
    town.stripe_customer("cus_alone")
    house = house_of(town)
    house.world.faults.append(Fault("GET", "/v1/customers", kind="shift"))
    with pytest.raises(Incomplete, match="shows nothing of it"):
        house.reconcile()
    assert house.writes() == 0


def test_a_halved_extract_of_stripe_writes_nothing(house_of: Build, town: WorldBuilder) -> None:
    for number in range(4, 24):
        town.customer(f"c-{number}", f"Customer {number}", f"c{number}@example.test")
        town.subscription(f"s-{number}", f"c-{number}", "pro")
    house = house_of(town)
    house.reconcile()
    kept = dict(list(house.world.stripe["customers"].items())[:5])
    hidden = {k: v for k, v in house.world.stripe["customers"].items() if k not in kept}
    for row in hidden.values():
        row["test_clock"] = "clock_1"  # lists leave these out; reads by id do not
    assert house.plan().plan.actions == [], "what a list does not show is read by its id"


def test_a_row_of_bad_data_stops_itself_alone(house_of: Build, town: WorldBuilder) -> None:
    town.stigg["customers"][0]["email"] = "not an address"
    house = house_of(town)
    house.reconcile()
    assert house.status("c-1") == ("ERROR", "QUARANTINED")
    assert house.status("s-1") == ("ERROR", "QUARANTINED")
    assert house.status("s-2") == ("SUCCESS", "")
    assert len(house.objects("customers")) == 2


def test_only_rows_that_changed_are_judged_again(
    house_of: Build, town: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    judge = gate.judge
    monkeypatch.setattr(
        gate, "judge", lambda source, suite, given: asked.append(suite.name) or judge(source, suite, given)
    )
    town.stigg["customers"][0]["email"] = "not an address"
    house = house_of(town)
    house.reconcile()
    assert "stigg_customers" in asked
    asked.clear()
    house.stigg("customers", customerId="c-2")["name"] = "Renamed"
    house.reconcile()
    assert asked.count("stigg_customers") == 1
    assert "stigg_subscriptions" not in asked, "none of them changed"
    assert house.status("c-1") == ("ERROR", "QUARANTINED"), "it is as it was when it was judged"
    house.stigg("customers", customerId="c-3")["email"] = "neither is this"
    house.reconcile()
    assert {house.status(id) for id in ("c-1", "c-3")} == {("ERROR", "QUARANTINED")}
    for id in ("c-1", "c-3"):
        house.stigg("customers", customerId=id)["email"] = "good@example.test"
    house.reconcile()
    assert {house.status(id) for id in ("c-1", "c-2", "c-3")} == {("SUCCESS", "")}


def test_an_unknown_pricing_model_is_that_plans_error(house_of: Build, town: WorldBuilder) -> None:
    town.plan("odd", "Odd", [town.stigg["plans"][0]["prices"][0] | {"billingModel": "CREDIT_BASED"}])
    town.customer("c-odd", "Odd", "odd@example.test")
    town.subscription("s-odd", "c-odd", "odd")
    house = house_of(town)
    house.reconcile()
    assert house.status("odd") == ("ERROR", "PRICING_MODEL_NOT_SUPPORTED")
    assert house.status("s-odd") == ("ERROR", "PRICING_MODEL_NOT_SUPPORTED")
    assert house.status("s-1") == ("SUCCESS", "")


def test_a_plan_that_becomes_unsupported_leaves_what_it_had(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    before = house.frozen()
    odd = town.stigg["plans"][0]["prices"][0] | {"billingModel": "CREDIT_BASED"}
    town.plan("pro", "Pro", [odd], version=2)
    house.merge(town)
    assert house.plan().plan.actions == []
    house.reconcile()
    assert house.frozen() == before
    assert house.status("pro") == ("ERROR", "PRICING_MODEL_NOT_SUPPORTED")


def test_a_string_with_nul_is_replaced_and_reported(house_of: Build, town: WorldBuilder) -> None:
    town.stigg["customers"][0]["name"] = "Nul\x00 here"
    house = house_of(town)
    house.reconcile("the-run")
    session = house.session()
    run = house.run(session, "the-run")
    assert extract_stigg(session, run)["with_nul"] == [["customer", "c-1"]]
    session.close()
    assert "Nul\ufffd here" in {c["name"] for c in house.objects("customers")}
    assert house.plan().plan.actions == []


def test_an_old_snapshot_is_not_compared(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    session = house.session()
    old = house.run(session, "old")
    ids = {"stigg": extract_stigg(session, old)["snapshot"], "stripe": extract_stripe(session, old)["snapshot"]}
    house.world.now += int(timedelta(hours=2).total_seconds())
    with pytest.raises(Incomplete, match="extract again"):
        compare(session, house.run(session, "new"), **ids)
    session.close()


def test_an_object_of_the_other_mode_closes_the_gate_until_it_is_gone(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    session, now = house.session(), from_epoch(house.world.now)

    def land(row: dict[str, Any]) -> int:
        return staging.close(
            house.engine, environment="test", side="stripe", run_id="by hand", kinds=stripe_account.KINDS, upper_bound=now,
            rows=[("customer", row["id"], row)], whole=(),
        ).id  # fmt: skip

    with house.engine.connect() as connection:
        _, stigg, _ = comparisons.latest_pair(connection, "test") or ("", 0, 0)
    row, other = house.objects("customers")[:2]
    for changed in (row | {"livemode": True}, other | {"name": "Changed as well"}):
        with pytest.raises(GateFailed, match=f"of the other mode.*{row['id']}"):
            check_mirrors(session, house.run(session), stigg=stigg, stripe=land(changed))
    check_mirrors(session, house.run(session), stigg=stigg, stripe=land(row))
    session.close()
