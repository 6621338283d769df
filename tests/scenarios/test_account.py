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
from stripe_sync.jobs.runtime.manual_actions import Hand, link, resume
from stripe_sync.jobs.setup import disconnect as disconnecting
from stripe_sync.warehouse import accounts
from stripe_sync.warehouse.accounts import Proven
from tests import warehouses
from tests.house import NO_LIMITS, House, small_town
from tests.scenarios.test_restore import tool
from tests.shell import TOML, command, environ

Build = Callable[[WorldBuilder], House]
ADA = Hand("ada", "the story")
HERE, OTHER = "acct_1SANDBOX000000001", "acct_1ANOTHER00000001"
MIGRATION = Path(__file__).parents[2] / "sql" / "migrations" / "versions" / "0020_account.sql"
UNREADABLE = {"key": "rk_test_other", "rights": [], "wording": "new"}


@contextmanager
def another(house: House, folder: Path, *, name: str = "other") -> Iterator[House]:
    """An environment of its own on the same warehouse, with a world whose account is another one."""
    document = small_town().document()
    document["stripe"]["account"]["id"] = OTHER
    document["stripe"]["limits"] = {"account": 0, "endpoint": 0}
    document["stigg"]["limits"] = NO_LIMITS
    document["stripe"]["keys"] = ["sk_test_other"]
    world = from_document(document)
    with running(world) as (stripe_url, stigg_url):
        there = House(
            world, stripe_url, stigg_url, house.engine, house.warehouse_url, folder, stripe_key="sk_test_other"
        )
        there.change(name=name, stripe_account=OTHER, secret_connection="stripe_sync_test")
        there.counter = itertools.count(100)  # runs of one environment have ids of their own
        yield there
        there.http.close()


def asked(house: House) -> list[str]:
    return [f"{r.method} {r.path}" for r in house.world.requests if r.side == "stripe"]


def known(house: House, name: str = "test") -> Proven | None:
    with house.engine.connect() as connection:
        return accounts.find(connection, name)


@pytest.mark.parametrize("is_readable", [True, False])
def test_a_key_of_another_account_is_refused_before_anything_is_read(house_of: Build, is_readable: bool) -> None:
    """Within the hour in which a run does not ask for the account, and where the key may not read it (SB 8.3, C11)."""
    house = house_of(small_town())
    house.change(stripe_feed=True)
    house.reconcile()
    house.world.account["id"] = OTHER
    house.world.stripe_keys = ["sk_test_other", UNREADABLE]
    house.stripe_key = "sk_test_other" if is_readable else "rk_test_other"
    before = house.frozen()
    house.world.requests.clear()
    for work in (house.reconcile, house.usage, lambda: disconnecting_with_strip(house)):
        with pytest.raises(
            AccountRefused, match=f"belongs to the account {OTHER}, and the environment test declares {HERE}"
        ):
            work()
    assert set(asked(house)) == {"GET /v1/account"}
    toml = TOML.replace("stripe_feed = false", "stripe_feed = true")
    connection = {"conn_type": "stripe", "password": house.stripe_key, "host": house.stripe_url}
    env = environ(house, toml, AIRFLOW_CONN_STRIPE_DEFAULT=json.dumps(connection))
    for line in (["apply", "test", "--yes"], ["connect", "test"], ["init"]):
        done = command(env, *line)
        assert done.returncode == 1
        assert f"belongs to the account {OTHER}" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert set(asked(house)) == {"GET /v1/account"}
    assert house.frozen() == before


def disconnecting_with_strip(house: House) -> None:
    session = house.session()
    try:
        disconnecting.disconnect(session, house.run(session), ADA, confirm="test", strip=True)
    finally:
        session.close()


def test_a_new_key_of_the_same_account_is_asked_once(house_of: Build) -> None:
    house = house_of(small_town())
    house.change(stripe_feed=True)
    house.reconcile()
    house.world.stripe_keys.append("sk_test_rolled")
    house.stripe_key = "sk_test_rolled"
    house.world.requests.clear()
    house.reconcile()
    house.reconcile()
    assert asked(house).count("GET /v1/account") == 1


def test_two_environments_of_one_warehouse_keep_their_accounts_apart(house_of: Build, tmp_path: Path) -> None:
    """Each has its own account; exchanged keys, and exchanged settings, are refused on both sides."""
    house = house_of(small_town())
    house.reconcile()
    with another(house, tmp_path) as there:
        there.reconcile()
        assert (known(house), known(house, "other")) != (None, None)
        worlds = house.frozen(), there.frozen()
        one, two = (house.stripe_url, house.stripe_key), (there.stripe_url, there.stripe_key)
        (house.stripe_url, house.stripe_key), (there.stripe_url, there.stripe_key) = two, one
        refused(house, f"belongs to the account {OTHER}, and the environment test declares {HERE}")
        refused(there, f"belongs to the account {HERE}, and the environment other declares {OTHER}")
        house.change(stripe_account=OTHER)
        there.change(stripe_account=HERE)
        refused(house, f"test declares the account {OTHER}, and the links of this warehouse belong to {HERE}")
        refused(there, f"other declares the account {HERE}, and the links of this warehouse belong to {OTHER}")
        (house.stripe_url, house.stripe_key), (there.stripe_url, there.stripe_key) = one, two
        assert (house.frozen(), there.frozen()) == worlds
        for each, id in ((house, HERE), (there, OTHER)):
            each.change(stripe_account=id)
            assert each.reconcile()["results"] == {}


def refused(house: House, words: str) -> None:
    """Neither job runs, and nothing is written."""
    for work in (house.reconcile, house.usage):
        with pytest.raises(AccountRefused, match=words):
            work()


def test_a_restored_warehouse_of_another_account_is_refused(house_of: Build, tmp_path: Path) -> None:
    """The back-up is of before the environment moved to another account; the way out is to disconnect, or to go back."""
    house = house_of(small_town())
    house.reconcile()
    dump, conninfo = str(tmp_path / "warehouse.dump"), warehouses.conninfo(house.engine.url.database or "")
    tool("pg_dump", "--format=custom", f"--file={dump}", conninfo)
    session = house.session()
    disconnecting.disconnect(session, house.run(session), ADA, confirm="test", strip=False)
    session.close()
    assert known(house) is None
    with another(house, tmp_path, name="test") as there:
        resumed(there)
        there.reconcile()
        made = there.frozen()
        house.engine.dispose()
        tool("pg_restore", "--clean", "--if-exists", f"--dbname={conninfo}", dump)
        refused(
            there, f"test declares the account {OTHER}, and the links of this warehouse belong to {HERE}; .* disconnect"
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


def resumed(house: House) -> None:
    session = house.session()
    resume(session, "", ADA)
    session.close()


@pytest.mark.parametrize("is_pruned", [False, True])
def test_a_warehouse_of_before_learns_its_account_from_what_it_holds(house_of: Build, is_pruned: bool) -> None:
    """0020: from the newest run, or the feed, where there are links; where nothing says it, from the first proof."""
    house = house_of(small_town())
    house.reconcile()
    with house.engine.begin() as connection:
        connection.execute(text("drop table account"))
        connection.execute(text("delete from station"))
        connection.execute(text("delete from feed" if is_pruned else "select 1"))
        connection.exec_driver_sql(MIGRATION.read_text(encoding="utf-8"))
    assert known(house) == (None if is_pruned else Proven(HERE, ""))
    house.reconcile()
    assert known(house) != Proven(HERE, "")
    house.change(stripe_account=OTHER)
    refused(house, f"the links of this warehouse belong to {HERE}")


def test_an_account_without_links_may_be_exchanged(house_of: Build) -> None:
    """Where nothing was made or adopted, the account in the settings was a mistake that may be mended."""
    house = house_of(small_town())
    house.plan(mode="observe")
    assert known(house) is not None
    house.world.account["id"] = OTHER
    house.change(stripe_account=OTHER)
    house.reconcile()
    house.change(stripe_account=HERE)
    session = house.session()
    with pytest.raises(AccountRefused, match=f"the links of this warehouse belong to {OTHER}"):
        link(session, "customer", "c-1", "cus_1", ADA)
    session.close()
