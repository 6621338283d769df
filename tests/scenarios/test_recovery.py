"""Killed, retried, cleared, refused for a while: each intended change is made once (invariant 4)."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.apply import executor
from stripe_sync.errors import NotAuthorized, RunStopped
from stripe_sync.warehouse import journal, leases
from tests.house import House
from tests.shell import ENFORCE, LIMITS, TOML, environ

Build = Callable[[WorldBuilder], House]
PATHS = ("/v1/products", "/v1/prices", "/v1/customers", "/v1/subscriptions")


class Killed(BaseException):
    """The process dies here."""


def undisturbed(house: House) -> list[Any]:
    """What counts of the end state: everything but ids, times and the order of things."""
    rows = []
    for product in house.objects("products"):
        rows.append(["product", product["id"], product["name"], product["default_price"] is not None])
    for price in house.objects("prices"):
        rows.append(["price", price["product"], price["unit_amount"], price["active"], price["lookup_key"]])
    for customer in house.objects("customers"):
        rows.append(["customer", customer["name"], customer["metadata"]["stiggEntityId"]])
    for subscription in house.objects("subscriptions"):
        items = sorted((i["price"]["unit_amount"], i["quantity"]) for i in subscription["items"]["data"])
        rows.append(["subscription", subscription["metadata"]["stiggEntityId"], items, subscription["start_date"]])
    return sorted(rows, key=str)


@pytest.mark.parametrize("moment", ["before the call", "after the call"])
def test_killed_at_every_write_and_started_again_it_ends_as_if_nothing_had_happened(
    house_of: Build, town: WorldBuilder, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = house_of(town)
    reference.reconcile()
    wanted = undisturbed(reference)

    house = house_of(town)
    house.change(workers=1)
    original = executor.Executor.write
    kills = 0

    def deadly(self: executor.Executor, action: Any, lease: Any) -> Any:
        """Dies at the first write of this process that is not yet made: before its call, or before its outcome is kept."""
        nonlocal kills
        kills += 1
        if moment == "before the call":
            self.handlers = {k: type(h)(h.path, dead, h.candidates) for k, h in self.handlers.items()}
        else:
            monkeypatch.setattr(executor.Executor, "made", dead)
        return original(self, action, lease)

    def dead(*_: Any, **__: Any) -> Any:
        raise Killed

    made = executor.Executor.made
    for attempt in range(60):
        monkeypatch.setattr(executor.Executor, "write", deadly)
        try:
            house.reconcile(f"attempt-{attempt}")
            break
        except Killed:
            monkeypatch.setattr(executor.Executor, "made", made)
            monkeypatch.setattr(executor.Executor, "write", original)
            # The next process gets one write further: it settles what was lost and makes one more.
            if moment == "before the call":
                one_more(house, monkeypatch, f"step-{attempt}")
        finally:
            monkeypatch.setattr(executor.Executor, "made", made)
            monkeypatch.setattr(executor.Executor, "write", original)
    assert kills >= 17, "every write of the plan was interrupted"
    house.reconcile("last")
    assert undisturbed(house) == wanted
    assert house.plan().plan.actions == []


def one_more(house: House, monkeypatch: pytest.MonkeyPatch, run: str) -> None:
    """A process that dies after one write."""
    original = executor.Executor.write
    count = 0

    def limited(self: executor.Executor, action: Any, lease: Any) -> Any:
        nonlocal count
        count += 1
        if count > 1:
            raise Killed
        return original(self, action, lease)

    monkeypatch.setattr(executor.Executor, "write", limited)
    with pytest.raises(Killed):
        house.reconcile(run)
        raise Killed
    monkeypatch.setattr(executor.Executor, "write", original)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("status", "when"), [(500, "before"), (500, "after"), (429, "before"), (409, "before")])
def test_an_answer_that_is_lost_is_asked_for_again_under_its_key(
    house_of: Build, town: WorldBuilder, path: str, when: str, status: int
) -> None:
    house = house_of(town)
    house.world.faults.append(Fault("POST", path, nth=1, status=status, when=when))
    house.reconcile()
    assert house.world.faults == []
    assert house.plan().plan.actions == []
    assert len(house.objects("customers")) == len(house.objects("subscriptions")) == 3
    assert len(house.objects("prices")) == 3


def test_a_write_whose_outcome_stays_unknown_is_settled_by_the_next_run(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile(entities=["product", "price"])
    house.attempts = 1
    house.world.faults.extend(Fault("POST", "/v1/customers", status=500, when="after") for _ in range(3))
    with pytest.raises(RunStopped, match="unknown outcome"):
        house.reconcile("lost")
    assert len(house.objects("customers")) == 3, "they were made, and nobody was told"
    house.reconcile("next")
    assert len(house.objects("customers")) == 3
    assert house.status("c-1") == ("SUCCESS", "")
    with house.engine.connect() as connection:
        open_intents = connection.execute(
            text("select count(*) from journal_intent i left join journal_outcome o on o.intent_id = i.id "
                 "where o.intent_id is null")
        ).scalar()  # fmt: skip
    assert open_intents == 0


def test_every_write_has_an_intent_an_outcome_and_a_request_id(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    with house.engine.connect() as connection:
        rows = connection.execute(
            text("select i.kind, o.result, o.request_id, o.idempotency_key from journal_intent i "
                 "join journal_outcome o on o.intent_id = i.id")
        ).all()  # fmt: skip
    assert len(rows) == house.writes() == 17
    assert {row.result for row in rows} == {"done"}
    assert all(row.request_id.startswith("req_") for row in rows)
    assert len({row.idempotency_key for row in rows}) == 17


@pytest.mark.parametrize("statement", ["update journal_outcome set result = 'done'", "delete from journal_intent"])
def test_the_journal_is_append_only(house_of: Build, town: WorldBuilder, statement: str) -> None:
    house = house_of(town)
    house.reconcile()
    with pytest.raises(DBAPIError, match="append-only"), house.engine.begin() as connection:
        connection.execute(text(statement))


def test_a_name_that_goes_and_comes_back_within_a_day_is_written_each_time(house_of: Build, town: WorldBuilder) -> None:
    """The same change twice has two idempotency keys: Stripe would replay the first answer and change nothing."""
    house = house_of(town)
    house.reconcile()
    for name in ("A", "B", "A", "B"):
        town.stigg["customers"][0]["name"] = name
        house.merge(town)
        house.reconcile()
        assert name in {c["name"] for c in house.objects("customers")}


def test_a_process_that_is_killed_in_the_middle_leaves_nothing_double(house_of: Build, town: WorldBuilder) -> None:
    """A real process, a real SIGKILL; time is let pass by ending its lease by hand, as the database's clock would."""
    reference = house_of(town)
    reference.reconcile()
    house = house_of(town)
    slow = TOML.replace("account_rate = 10000", "account_rate = 20")  # so that there is a middle to be killed in
    env = environ(house, slow + ENFORCE + "workers = 2\n" + LIMITS)
    process = subprocess.Popen(
        [sys.executable, "-m", "stripe_sync.cli.main", "apply", "test", "--yes"],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while house.writes() < 9 and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert 9 <= house.writes() < 17, "it was killed in the middle"
    with house.engine.begin() as connection:
        connection.execute(text("update lease set expires_at = now() - interval '1 second'"))
    house.reconcile()
    assert undisturbed(house) == undisturbed(reference)
    assert house.plan().plan.actions == []


def test_a_key_that_loses_its_rights_stops_the_run_and_what_was_made_stays_recorded(
    house_of: Build, town: WorldBuilder
) -> None:
    house = house_of(town)
    house.change(workers=1)
    house.world.faults.append(Fault("POST", "/v1/customers", nth=2, status=403))
    with pytest.raises(NotAuthorized, match="give the restricted key this right"):
        house.reconcile("stopped")
    assert len(house.objects("customers")) == 1, "nothing was started after the refusal"
    house.reconcile("next")
    assert len(house.objects("customers")) == 3
    assert house.plan().plan.actions == []


def test_a_zombie_whose_lease_was_taken_starts_no_call(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    stored = house.plan()
    action = stored.plan.actions[0]
    zombie = leases.take(house.engine, "test", "catalog", "zombie")
    leases.extend(house.engine, zombie, 0)
    successor = leases.take(house.engine, "test", "catalog", "successor")
    assert successor.epoch == zombie.epoch + 1

    def intend(epoch: int) -> object:
        return journal.intend(house.engine, "test", stored.run_id, stored.plan.hash, action, epoch=epoch)

    assert intend(zombie.epoch) is None
    assert intend(successor.epoch) is not None
