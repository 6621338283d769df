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
from stripe_sync.jobs.runtime.manual_actions import Operator, resume
from stripe_sync.jobs.setup import connect
from stripe_sync.jobs.setup import disconnect as disconnecting
from tests.support.harness import Harness
from tests.support.shell import TOML, command, environ

Build = Callable[[WorldBuilder], Harness]
ADA = Operator("ada", "we move to another account")


def lines(harness: Harness) -> dict[str, tuple[str, str]]:
    session = harness.session()
    try:
        return {c.name: (c.state, c.text) for c in connect.lines(session)}
    finally:
        session.close()


def disconnect(harness: Harness, **how: Any) -> list[str]:
    session = harness.session()
    try:
        run = harness.run(session)
        return disconnecting.disconnect(
            session, run, ADA, confirm=how.get("confirm", "test"), strip=how.get("strip", False)
        )
    finally:
        session.close()


def ours(harness: Harness) -> list[str]:
    """Return the ids of the objects with our ownership marker."""
    kinds = ("products", "prices", "coupons", "customers", "subscriptions")
    return [o["id"] for kind in kinds for o in harness.objects(kind) if o["metadata"].get("stiggSyncKey")]


def test_connect_says_everything_and_writes_nothing(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    found = lines(harness)
    assert {"warehouse", "Stripe account", "Stigg environment", "account", "key rights", "API version", "clocks", "modes",
            "limits", "grace period", "billing portal", "unknowns", "reads", "schedule"} <= set(found)  # fmt: skip
    assert {name for name, (state, _) in found.items() if state == "failure"} == set()
    assert found["grace period"][0] == found["billing portal"][0] == "warning"
    assert "2026-10-28.endive" in found["API version"][1]
    assert harness.writes() == 0
    session = harness.session()
    portal.apply(session, ADA)
    session.close()
    assert lines(harness)["billing portal"][0] == "ok"


def test_a_right_that_the_key_lacks_is_named(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.world.faults.append(Fault("GET", "/v1/coupons", status=403, times=9))
    state, printed = lines(harness)["key rights"]
    assert state == "failure"
    assert printed.startswith("the key lacks coupon_write (Coupons); required: product_write (Products), ")


def test_a_grace_period_below_an_hour_is_a_failure(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    ends = [i["current_period_end"] for s in harness.objects("subscriptions") for i in s["items"]["data"]]
    harness.later(max(ends) - harness.world.now)
    assert lines(harness)["grace period"][0] == "warning", "an hour is enough, and little"
    for invoice in harness.objects("invoices"):
        if invoice["automatically_finalizes_at"]:
            invoice["automatically_finalizes_at"] = invoice["created"] + 1800
    assert lines(harness)["grace period"] == (
        "failure",
        "drafts are finalized after 30 minutes; set at least 1 hour in Stripe, Settings, Billing, Invoices",
    )


def test_disconnecting_is_shown_first_and_confirmed_by_name(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    before = harness.frozen()
    session = harness.session()
    printed = disconnecting.look(session, strip=True)
    session.close()
    assert printed[0].startswith("14 links end (3 customer, ")
    assert "second subscription for each customer" in printed[-1]
    with pytest.raises(ConfigurationError, match="--confirm test"):
        disconnect(harness, confirm="prod")
    harness.reconcile()
    assert harness.frozen() == before


def test_connecting_again_to_the_same_account_knows_everything_by_its_marks(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    before = harness.frozen()
    disconnect(harness)
    assert harness.frozen() == before, "nothing changes in Stripe"
    small_world.stigg["customers"][0]["name"] = "Renamed"
    harness.merge(small_world)
    harness.reconcile()
    assert harness.frozen() == before, "every lane is paused"
    session = harness.session()
    resume(session, "", ADA)
    session.close()
    harness.reconcile()
    kinds = ("products", "prices", "customers", "subscriptions")
    assert [len(harness.objects(kind)) for kind in kinds] == [len(json.loads(before)[kind]) for kind in kinds]
    assert "Renamed" in {c["name"] for c in harness.objects("customers")}
    with harness.engine.connect() as connection:
        assert connection.execute(text("select count(*) from stripe_sync.journal_intent")).scalar_one() >= 17, (
            "the journal is kept"
        )


def test_our_metadata_is_taken_off_and_foreign_metadata_stays(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    for customer in harness.objects("customers"):
        customer["metadata"]["crm"] = "kept"
    marked = len(ours(harness))
    printed = disconnect(harness, strip=True)
    assert f"removed from {marked} objects" in printed[0]
    assert ours(harness) == []
    assert {json.dumps(c["metadata"]) for c in harness.objects("customers")} == {'{"crm": "kept"}'}
    assert {s["status"] for s in harness.objects("subscriptions")} == {"active"}


def test_another_account_starts_clean(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    disconnect(harness)
    for kind in ("products", "prices", "customers", "subscriptions", "invoices", "events"):
        harness.world.stripe[kind].clear()
    harness.world.account["id"] = "acct_1ANOTHER00000001"
    harness.change(stripe_account="acct_1ANOTHER00000001")
    session = harness.session()
    resume(session, "", ADA)
    session.close()
    harness.reconcile()
    assert len(harness.objects("subscriptions")) == 3
    assert harness.status("s-1") == ("SUCCESS", "")


def test_settings_that_point_at_another_account_than_the_links_are_refused(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """R4, 2.11: both accounts and the way out are named, the exit is not 0, and nothing is written in the other account."""
    harness = harness_of(small_world)
    harness.reconcile()
    for kind in ("products", "prices", "customers", "subscriptions", "invoices", "events"):
        harness.world.stripe[kind].clear()
    harness.world.account["id"] = "acct_1ANOTHER00000001"
    harness.change(stripe_account="acct_1ANOTHER00000001")
    writes = harness.writes()
    named = r"declares account acct_1ANOTHER00000001, and the links of this warehouse belong to acct_1SANDBOX000000001"
    for work in (harness.reconcile, harness.usage):
        with pytest.raises(AccountRefused, match=f"{named}\\. (.|\n)*stripe-sync disconnect test"):
            work()
    assert lines(harness)["links"][0] == "failure"
    env = environ(harness, TOML.replace("acct_1SANDBOX000000001", "acct_1ANOTHER00000001"))
    message = command(env, "plan", "test")
    assert message.returncode == 1
    assert "the links of this warehouse belong to acct_1SANDBOX000000001" in message.stderr
    assert harness.writes() == writes
    assert harness.objects("products") == []


def test_stripes_ids_are_written_back_to_stigg_where_that_is_switched_on(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.stigg("customers", customerId="c-1").get("billingId") is None
    harness.change(stigg={"write_billing_id": True})
    harness.reconcile()
    ids = {c["metadata"]["stiggCustomerId"]: c["id"] for c in harness.objects("customers")}
    assert {c["customerId"]: c["billingId"] for c in harness.world.stigg["customers"]} == ids
    writes = sum(r.side == "stigg" and "UpdateCustomer" in r.path for r in harness.world.requests)
    frozen = harness.frozen()
    harness.reconcile()
    assert harness.frozen() == frozen
    assert sum(r.side == "stigg" and "UpdateCustomer" in r.path for r in harness.world.requests) == writes == 3


def test_init_makes_and_checks_what_every_environment_needs_and_may_run_again(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    env = environ(harness, TOML + 'stripe.write_pool = "stripe_acct_1"\n')
    for _ in range(2):
        message = command(env, "init")
        assert message.returncode == 0, message.stdout
        assert "test: Stripe account" in message.stdout
        assert "airflow pools set stripe_acct_1 4" in message.stdout, "there is no Airflow in this shell"
    assert harness.writes() == 0
    env["AIRFLOW_CONN_STRIPE_DEFAULT"] = json.dumps(
        {"conn_type": "stripe", "password": "rk_test_x", "host": harness.stripe_url}
    )
    message = command(env, "init")
    assert (message.returncode, "does not accept the key" in message.stdout) == (1, True)


def test_the_commands(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    env = environ(harness)
    message = command(env, "connect", "test", "--first-plan")
    assert message.returncode == 0, message.stderr
    assert "The first plan (nothing was written)" in message.stdout
    assert "Next: stripe-sync plan test" in message.stdout
    assert command(env, "disconnect", "test").returncode == 2
    assert "require --reason" in command(env, "disconnect", "test", "--confirm", "test").stderr
    assert command(env, "disconnect", "test", "--confirm", "test", "--reason", "the end").returncode == 0
