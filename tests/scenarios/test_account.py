"""The warehouse knows its Stripe account: settings, key and links are compared before anything is read or written (R4, BILLING 11)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder
from sandbox.server.run import running
from sandbox.world.state import from_document
from stripe_sync.core.errors import AccountRefused
from stripe_sync.jobs.runtime.manual_actions import Operator, link, resume
from stripe_sync.jobs.setup import disconnect as disconnecting
from stripe_sync.warehouse import accounts
from stripe_sync.warehouse.accounts import Proven
from tests.scenarios.test_restore import tool
from tests.support import refusals, warehouses
from tests.support.harness import NO_LIMITS, Harness, build_small_world
from tests.support.shell import TOML, command, environ

Build = Callable[[WorldBuilder], Harness]
ADA = Operator("ada", "the story")
HERE, OTHER = "acct_1SANDBOX000000001", "acct_1ANOTHER00000001"
UNREADABLE = {"key": "rk_test_other", "rights": [], "wording": "new"}


@contextmanager
def another(harness: Harness, folder: Path, *, name: str = "other") -> Iterator[Harness]:
    """Return a separate environment on the same warehouse, with a world of a different account."""
    document = build_small_world().document()
    document["stripe"]["account"]["id"] = OTHER
    document["stripe"]["limits"] = {"account": 0, "endpoint": 0}
    document["stigg"]["limits"] = NO_LIMITS
    document["stripe"]["keys"] = ["sk_test_other"]
    world = from_document(document)
    with refusals.watched(world), running(world) as (stripe_url, stigg_url):
        there = Harness(
            world, stripe_url, stigg_url, harness.engine, harness.warehouse_url, folder, stripe_key="sk_test_other"
        )
        there.change(name=name, stripe_account=OTHER, secret_connection="stripe_sync_test")
        there.counter = itertools.count(100)  # runs of one environment have ids of their own
        yield there
        there.http.close()


def requested(harness: Harness) -> list[str]:
    return [f"{r.method} {r.path}" for r in harness.world.requests if r.side == "stripe"]


def known(harness: Harness, name: str = "test") -> Proven | None:
    with harness.engine.connect() as connection:
        return accounts.find(connection, name)


@pytest.mark.parametrize("is_readable", [True, False])
def test_a_key_of_another_account_is_refused_before_anything_is_read(harness_of: Build, is_readable: bool) -> None:
    """Within the hour in which a run does not ask for the account, and where the key may not read it (SB 8.3, C11)."""
    harness = harness_of(build_small_world())
    harness.change(stripe={"feed": True})
    harness.reconcile()
    harness.world.account["id"] = OTHER
    harness.world.stripe_keys = ["sk_test_other", UNREADABLE]
    harness.stripe_key = "sk_test_other" if is_readable else "rk_test_other"
    before = harness.frozen()
    harness.world.requests.clear()
    for work in (harness.reconcile, harness.usage, lambda: disconnecting_with_strip(harness)):
        with pytest.raises(AccountRefused, match=f"belongs to {OTHER}, and test declares {HERE}"):
            work()
    assert set(requested(harness)) == {"GET /v1/account"}
    toml = TOML.replace("stripe.feed = false", "stripe.feed = true")
    connection = {"conn_type": "stripe", "password": harness.stripe_key, "host": harness.stripe_url}
    env = environ(harness, toml, AIRFLOW_CONN_STRIPE_DEFAULT=json.dumps(connection))
    for line in (["apply", "test", "--yes"], ["connect", "test"], ["init"]):
        done = command(env, *line)
        assert done.returncode == 1
        assert f"belongs to {OTHER}" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert set(requested(harness)) == {"GET /v1/account"}
    assert harness.frozen() == before


def disconnecting_with_strip(harness: Harness) -> None:
    session = harness.session()
    try:
        disconnecting.disconnect(session, harness.run(session), ADA, confirm="test", strip=True)
    finally:
        session.close()


def test_a_new_key_of_the_same_account_is_asked_once(harness_of: Build) -> None:
    harness = harness_of(build_small_world())
    harness.change(stripe={"feed": True})
    harness.reconcile()
    harness.world.stripe_keys.append("sk_test_rolled")
    harness.stripe_key = "sk_test_rolled"
    harness.world.requests.clear()
    harness.reconcile()
    harness.reconcile()
    assert requested(harness).count("GET /v1/account") == 1


def test_two_environments_of_one_warehouse_keep_their_accounts_apart(harness_of: Build, tmp_path: Path) -> None:
    """Each has its own account; exchanged keys, and exchanged settings, are refused on both sides."""
    harness = harness_of(build_small_world())
    harness.reconcile()
    with another(harness, tmp_path) as there:
        there.reconcile()
        assert (known(harness), known(harness, "other")) != (None, None)
        worlds = harness.frozen(), there.frozen()
        one, two = (harness.stripe_url, harness.stripe_key), (there.stripe_url, there.stripe_key)
        (harness.stripe_url, harness.stripe_key), (there.stripe_url, there.stripe_key) = two, one
        refused(harness, f"belongs to {OTHER}, and test declares {HERE}")
        refused(there, f"belongs to {HERE}, and other declares {OTHER}")
        harness.change(stripe_account=OTHER)
        there.change(stripe_account=HERE)
        refused(harness, f"test declares account {OTHER}, and the links of this warehouse belong to {HERE}")
        refused(there, f"other declares account {HERE}, and the links of this warehouse belong to {OTHER}")
        (harness.stripe_url, harness.stripe_key), (there.stripe_url, there.stripe_key) = one, two
        assert (harness.frozen(), there.frozen()) == worlds
        for each, id in ((harness, HERE), (there, OTHER)):
            each.change(stripe_account=id)
            assert each.reconcile()["results"] == {}


def refused(harness: Harness, words: str) -> None:
    """Neither job runs, and nothing is written."""
    for work in (harness.reconcile, harness.usage):
        with pytest.raises(AccountRefused, match=words):
            work()


def test_a_restored_warehouse_of_another_account_is_refused(harness_of: Build, tmp_path: Path) -> None:
    """The back-up is of before the environment moved to another account; the way out is to disconnect, or to go back."""
    harness = harness_of(build_small_world())
    harness.reconcile()
    dump, conninfo = str(tmp_path / "warehouse.dump"), warehouses.conninfo(harness.engine.url.database or "")
    tool("pg_dump", "--format=custom", f"--file={dump}", conninfo)
    session = harness.session()
    disconnecting.disconnect(session, harness.run(session), ADA, confirm="test", strip=False)
    session.close()
    assert known(harness) is None
    with another(harness, tmp_path, name="test") as there:
        resumed(there)
        there.reconcile()
        made = there.frozen()
        harness.engine.dispose()
        tool("pg_restore", "--clean", "--if-exists", f"--dbname={conninfo}", dump)
        refused(
            there,
            f"test declares account {OTHER}, and the links of this warehouse belong to {HERE}\\. (.|\n)*disconnect",
        )
        assert there.frozen() == made
        session = there.session()
        disconnecting.disconnect(session, there.run(session), ADA, confirm="test", strip=False)
        session.close()
        resumed(there)
        there.forget_keys()
        there.reconcile()
        assert there.frozen() == made, "the marks in the account say what is there"
        found = known(there)
        assert (found.account if found else "") == OTHER


def resumed(harness: Harness) -> None:
    session = harness.session()
    resume(session, "", ADA)
    session.close()


@pytest.mark.parametrize("is_pruned", [False, True])
def test_a_warehouse_whose_account_no_key_has_proven_is_proven_by_the_next_run(
    harness_of: Build, is_pruned: bool
) -> None:
    """The account is stored without a key, or not at all."""
    harness = harness_of(build_small_world())
    harness.reconcile()
    with harness.engine.begin() as connection:
        lost = "delete from stripe_sync.account" if is_pruned else "update stripe_sync.account set key_digest = ''"
        connection.execute(text(lost))
        connection.execute(text("delete from stripe_sync.step"))
    assert known(harness) == (None if is_pruned else Proven(HERE, ""))
    harness.reconcile()
    assert known(harness) != Proven(HERE, "")
    harness.change(stripe_account=OTHER)
    refused(harness, f"the links of this warehouse belong to {HERE}")


def test_an_account_without_links_may_be_exchanged(harness_of: Build) -> None:
    """Where nothing was created or adopted, the account in the settings was a mistake that may be corrected."""
    harness = harness_of(build_small_world())
    harness.plan(mode="observe")
    assert known(harness) is not None
    harness.world.account["id"] = OTHER
    harness.change(stripe_account=OTHER)
    harness.reconcile()
    harness.change(stripe_account=HERE)
    session = harness.session()
    with pytest.raises(AccountRefused, match=f"the links of this warehouse belong to {OTHER}"):
        link(session, "customer", "c-1", "cus_1", ADA)
    session.close()
