"""Connecting says what is missing and writes nothing; disconnecting closes links, deletes nothing, and starts clean after."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.core.errors import AccountRefused, ConfigurationError
from stripe_sync.jobs.checkout import portal
from stripe_sync.jobs.runtime.manual_actions import Hand, resume
from stripe_sync.jobs.setup import connect
from stripe_sync.jobs.setup import disconnect as disconnecting
from tests.house import House
from tests.shell import TOML, command, environ

Build = Callable[[WorldBuilder], House]
ADA = Hand("ada", "we move to another account")


def lines(house: House) -> dict[str, tuple[str, str]]:
    session = house.session()
    try:
        return {c.name: (c.state, c.text) for c in connect.lines(session)}
    finally:
        session.close()


def disconnect(house: House, **how: Any) -> list[str]:
    session = house.session()
    try:
        run = house.run(session)
        return disconnecting.disconnect(
            session, run, ADA, confirm=how.get("confirm", "test"), strip=how.get("strip", False)
        )
    finally:
        session.close()


def ours(house: House) -> list[str]:
    """The ids of what carries our mark."""
    kinds = ("products", "prices", "coupons", "customers", "subscriptions")
    return [o["id"] for kind in kinds for o in house.objects(kind) if o["metadata"].get("stiggSyncKey")]


def test_connect_says_everything_and_writes_nothing(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    found = lines(house)
    assert {"warehouse", "Stripe account", "Stigg environment", "account", "key rights", "API version", "clocks", "modes",
            "limits", "grace period", "billing portal", "unknowns", "reads", "schedule"} <= set(found)  # fmt: skip
    assert {name for name, (state, _) in found.items() if state == "failure"} == set()
    assert found["grace period"][0] == found["billing portal"][0] == "warning"
    assert "2026-10-28.endive" in found["API version"][1]
    assert house.writes() == 0
    session = house.session()
    portal.apply(session, ADA)
    session.close()
    assert lines(house)["billing portal"][0] == "ok"


def test_a_right_that_the_key_lacks_is_named(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.world.faults.append(Fault("GET", "/v1/coupons", status=403, times=9))
    state, said = lines(house)["key rights"]
    assert state == "failure"
    assert said.startswith("the key lacks coupon_write (Coupons); it needs product_write (Products), ")


def test_a_grace_period_below_an_hour_is_a_failure(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    ends = [i["current_period_end"] for s in house.objects("subscriptions") for i in s["items"]["data"]]
    house.later(max(ends) - house.world.now)
    assert lines(house)["grace period"][0] == "warning", "an hour is enough, and little"
    for invoice in house.objects("invoices"):
        if invoice["automatically_finalizes_at"]:
            invoice["automatically_finalizes_at"] = invoice["created"] + 1800
    assert lines(house)["grace period"] == (
        "failure",
        "drafts are finalized after 30 minutes; set at least 1 hour in Stripe, Settings, Billing, Invoices",
    )


def test_disconnecting_is_shown_first_and_confirmed_by_name(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    before = house.frozen()
    session = house.session()
    said = disconnecting.look(session, strip=True)
    session.close()
    assert said[0].startswith("14 links are closed (3 customer, ")
    assert "second subscription for each customer" in said[-1]
    with pytest.raises(ConfigurationError, match="--confirm test"):
        disconnect(house, confirm="prod")
    house.reconcile()
    assert house.frozen() == before


def test_connecting_again_to_the_same_account_knows_everything_by_its_marks(
    house_of: Build, town: WorldBuilder
) -> None:
    house = house_of(town)
    house.reconcile()
    before = house.frozen()
    disconnect(house)
    assert house.frozen() == before, "nothing changes in Stripe"
    town.stigg["customers"][0]["name"] = "Renamed"
    house.merge(town)
    house.reconcile()
    assert house.frozen() == before, "every lane is paused"
    session = house.session()
    resume(session, "", ADA)
    session.close()
    house.reconcile()
    kinds = ("products", "prices", "customers", "subscriptions")
    assert [len(house.objects(kind)) for kind in kinds] == [len(json.loads(before)[kind]) for kind in kinds]
    assert "Renamed" in {c["name"] for c in house.objects("customers")}
    with house.engine.connect() as connection:
        assert connection.execute(text("select count(*) from journal_intent")).scalar_one() >= 17, "the journal is kept"


def test_our_metadata_is_taken_off_and_foreign_metadata_stays(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    for customer in house.objects("customers"):
        customer["metadata"]["crm"] = "kept"
    marked = len(ours(house))
    said = disconnect(house, strip=True)
    assert f"taken off {marked} objects" in said[0]
    assert ours(house) == []
    assert {json.dumps(c["metadata"]) for c in house.objects("customers")} == {'{"crm": "kept"}'}
    assert {s["status"] for s in house.objects("subscriptions")} == {"active"}


def test_another_account_starts_clean(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    disconnect(house)
    for kind in ("products", "prices", "customers", "subscriptions", "invoices", "events"):
        house.world.stripe[kind].clear()
    house.world.account["id"] = "acct_1ANOTHER00000001"
    house.change(stripe_account="acct_1ANOTHER00000001")
    session = house.session()
    resume(session, "", ADA)
    session.close()
    house.reconcile()
    assert len(house.objects("subscriptions")) == 3
    assert house.status("s-1") == ("SUCCESS", "")


def test_settings_that_point_at_another_account_than_the_links_are_refused(house_of: Build, town: WorldBuilder) -> None:
    """R4, 2.11: both accounts and the way out are named, the exit is not 0, and nothing is written in the other account."""
    house = house_of(town)
    house.reconcile()
    for kind in ("products", "prices", "customers", "subscriptions", "invoices", "events"):
        house.world.stripe[kind].clear()
    house.world.account["id"] = "acct_1ANOTHER00000001"
    house.change(stripe_account="acct_1ANOTHER00000001")
    writes = house.writes()
    named = (
        r"declares the account acct_1ANOTHER00000001, and the links of this warehouse belong to acct_1SANDBOX000000001"
    )
    for work in (house.reconcile, house.usage):
        with pytest.raises(AccountRefused, match=f"{named}; .* stripe-sync disconnect test"):
            work()
    assert lines(house)["links"][0] == "failure"
    env = environ(house, TOML.replace("acct_1SANDBOX000000001", "acct_1ANOTHER00000001"))
    told = command(env, "plan", "test")
    assert told.returncode == 1
    assert "the links of this warehouse belong to acct_1SANDBOX000000001" in told.stderr
    assert house.writes() == writes
    assert house.objects("products") == []


def test_stripes_ids_are_written_back_to_stigg_where_that_is_switched_on(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    assert house.stigg("customers", customerId="c-1").get("billingId") is None
    house.change(write_billing_id=True)
    house.reconcile()
    ids = {c["metadata"]["stiggCustomerId"]: c["id"] for c in house.objects("customers")}
    assert {c["customerId"]: c["billingId"] for c in house.world.stigg["customers"]} == ids
    writes = sum(r.side == "stigg" and "UpdateCustomer" in r.path for r in house.world.requests)
    frozen = house.frozen()
    house.reconcile()
    assert house.frozen() == frozen
    assert sum(r.side == "stigg" and "UpdateCustomer" in r.path for r in house.world.requests) == writes == 3


def test_init_makes_and_checks_what_every_environment_needs_and_may_run_again(
    house_of: Build, town: WorldBuilder
) -> None:
    house = house_of(town)
    env = environ(house, TOML + 'write_pool = "stripe_acct_1"\n')
    for _ in range(2):
        told = command(env, "init")
        assert told.returncode == 0, told.stdout
        assert "test: Stripe account" in told.stdout
        assert "airflow pools set stripe_acct_1 4" in told.stdout, "there is no Airflow in this shell"
    assert house.writes() == 0
    env["AIRFLOW_CONN_STRIPE_DEFAULT"] = json.dumps(
        {"conn_type": "stripe", "password": "rk_test_x", "host": house.stripe_url}
    )
    told = command(env, "init")
    assert (told.returncode, "does not accept the key" in told.stdout) == (1, True)


def test_the_commands(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    env = environ(house)
    told = command(env, "connect", "test", "--first-plan")
    assert told.returncode == 0, told.stderr
    assert "The first plan, of which nothing was written" in told.stdout
    assert "Next: stripe-sync plan test" in told.stdout
    assert command(env, "disconnect", "test").returncode == 2
    assert "Say why" in command(env, "disconnect", "test", "--confirm", "test").stderr
    assert command(env, "disconnect", "test", "--confirm", "test", "--reason", "the end").returncode == 0
