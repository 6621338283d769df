"""Killed, retried, cleared, refused for a while: each intended change is made once (invariant 4)."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sandbox.builder import WorldBuilder, flat, per_unit
from sandbox.world.state import Fault, iso
from stripe_sync.apply import executor
from stripe_sync.core.errors import NotAuthorized, RunStopped, Waiting
from stripe_sync.warehouse.writes import journal, leases
from tests.essence import essence
from tests.house import House, small_town
from tests.shell import ENFORCE, TOML, environ

Build = Callable[[WorldBuilder], House]
PATHS = ("/v1/products", "/v1/prices", "/v1/customers", "/v1/subscriptions")


class Killed(BaseException):
    """The process dies here."""


def first_day(town: WorldBuilder) -> None:
    """A catalog, coupons, customers and subscriptions that are to be made."""
    town.coupon("half", percent=50)
    town.coupon("gone", percent=5)
    town.plan("extra", "Extra", [flat(5), per_unit("seats", 3)])
    rows = town.stigg["subscriptions"]
    rows[0]["coupons"] = [town.applied("half")]
    rows[1]["prices"][0] |= {"price": {**flat(12), "id": "override-1", "isOverridePrice": True}}
    town.plan("once", "Once", [flat(9), flat(99) | {"billingCadence": "ONE_OFF"}])
    row = town.subscription("s-once", "c-3", "once")
    row["kept"] = row["prices"].pop()


def all_kinds(town: WorldBuilder) -> None:
    """A day on which something of every kind changes."""
    rows = town.stigg["subscriptions"]
    town.stigg["customers"][0]["name"] = "Renamed"
    town.stigg["coupons"][0]["name"] = "Half price"
    town.stigg["coupons"][1]["percentOff"] = 6
    town.addon("support", "Priority support", [flat(12)], version=2)
    town.plan("extra", "Extra", [flat(5)], version=2)
    rows[0]["prices"][1] |= {"usageLimit": 9}
    rows[1]["prices"][0] |= {"price": {"id": town.stigg["plans"][0]["prices"][0]["id"]}}
    rows[2] |= {"status": "CANCELED", "cancelReason": "Immediate", "effectiveEndDate": iso(town.now)}
    rows[3]["prices"].append(rows[3]["kept"])
    town.customer("c-4", "Four", "four@example.test")
    town.subscription("s-4", "c-4", "pro", units={"seats": 1})


# The day of all kinds has a creation of each kind as well; the first day, which has more of them, is for make soak.
# One moment a test run, by its seed; the soak has both.
MOMENTS = ["before the call", "after the call"]
MOMENT = MOMENTS if os.environ.get("TEST_DAYS") else [MOMENTS[int(os.environ.get("TEST_SEED", "1")) % 2]]
DAYS = ["the day of all kinds", *(["the first day"] if os.environ.get("TEST_DAYS") else [])]
KINDS = {
    "product.update", "product.set_default", "product.retire", "price.create", "price.release", "price.archive",
    "price.retire", "coupon.create", "coupon.update", "coupon.delete", "customer.create", "customer.update",
    "subscription.create", "subscription.update", "subscription.cancel", "invoiceitem.create",
}  # fmt: skip


def lived(house_of: Build, *, days: int) -> tuple[House, WorldBuilder]:
    """A house in which the first day, or both, are over."""
    town = small_town()
    first_day(town)
    house = house_of(town)
    house.reconcile()
    house.later(2 * 3600)  # the first invoices are finalized, so that an end has nothing to wait for
    if days == 2:
        all_kinds(town)
        house.merge(town)
        house.reconcile()
    return house, town


def test_the_day_of_all_kinds_is_one_of_all_kinds(house_of: Build) -> None:
    house, town = lived(house_of, days=1)
    all_kinds(town)
    house.merge(town)
    kinds = {a.kind for a in house.plan().plan.actions}
    assert kinds == KINDS
    house.reconcile()
    assert house.plan().plan.actions == []


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("moment", MOMENT)
def test_killed_at_every_write_and_started_again_it_ends_as_if_nothing_had_happened(
    house_of: Build, moment: str, day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, _ = lived(house_of, days=2 if "all" in day else 1)
    if "all" in day:
        house, town = lived(house_of, days=1)
        all_kinds(town)
        house.merge(town)
    else:
        town = small_town()
        first_day(town)
        house = house_of(town)
    writes = house.plan().plan.actions
    house.change(workers=1)
    original = executor.Executor.write
    kills = 0

    def deadly(self: executor.Executor, action: Any, lease: Any) -> Any:
        """Dies at the first write of this process that is not yet made: before its call, or before its outcome is kept."""
        nonlocal kills
        kills += 1
        if moment == "before the call":
            self.handlers = {k: replace(h, send=dead) for k, h in self.handlers.items()}
        else:
            monkeypatch.setattr(executor.Executor, "made", dead)
        return original(self, action, lease)

    def dead(*_: Any, **__: Any) -> Any:
        raise Killed

    made = executor.Executor.made
    for attempt in range(80):
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
    assert kills >= len(writes), "every write of the plan was interrupted"
    house.reconcile("last")
    assert essence(house) == essence(reference)
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


def test_what_was_made_is_recorded_as_made_though_nothing_is_left_to_do(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile(entities=["product", "price", "customer"])
    house.attempts = 1
    house.world.faults.extend(Fault("POST", "/v1/subscriptions", status=500, when="after") for _ in range(3))
    with pytest.raises(RunStopped, match="unknown outcome"):
        house.reconcile("lost")
    assert house.reconcile("next")["results"] == {}, "their marks say what they are"
    house.stigg("customers", customerId="c-1")["name"] = "Renamed"
    house.world.faults.append(Fault("POST", "/v1/customers", status=500, when="after"))
    with pytest.raises(RunStopped, match="unknown outcome"):
        house.reconcile("lost again")
    assert house.reconcile("last")["results"] == {}
    with house.engine.connect() as connection:
        rows = connection.execute(
            text("select i.kind, o.result from journal_intent i left join journal_outcome o on o.intent_id = i.id "
                 "where i.run_id in ('lost', 'lost again') order by i.id")
        ).all()  # fmt: skip
    assert [tuple(row) for row in rows] == [("subscription.create", "done")] * 3 + [("customer.update", "done")]


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


KILLS = int(os.environ.get("TEST_KILLS", "1"))
LIFE = (
    TOML.replace("account_rate = 10000", "account_rate = 25")
    + ENFORCE
    + "workers = 2\n"
    + """
[environments.test.limits]
actions = 100
share = 1.0
due_now = { usd = "9999" }
per_month = { usd = "9999" }
"""
)  # a rate at which there is a middle to be killed in


@pytest.mark.parametrize("number", range(KILLS))
def test_a_process_that_is_killed_in_the_middle_leaves_nothing_double(house_of: Build, number: int) -> None:
    """A real process, a real SIGKILL; time is let pass by ending its lease by hand, as the database's clock would.

    TEST_SEED says where the kills are, TEST_KILLS how many; one for each write of the day, if there are as many.
    """
    reference, _ = lived(house_of, days=2)
    house, town = lived(house_of, days=1)
    all_kinds(town)
    house.merge(town)
    count, before = len(house.plan().plan.actions), house.writes()
    dice = random.Random(int(os.environ.get("TEST_SEED", "1")))
    after = list(range(count)) if count <= KILLS else dice.sample(range(count), KILLS)
    process = subprocess.Popen(
        [sys.executable, "-m", "stripe_sync.interfaces.cli.main", "apply", "test", "--yes"],
        env=environ(house, LIFE), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while house.writes() - before < after[number % len(after)] + 1 and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.wait()
    with house.engine.begin() as connection:
        connection.execute(text("update lease set expires_at = now() - interval '1 second'"))
    house.reconcile()
    assert essence(house) == essence(reference), f"killed after {after[number % len(after)] + 1} of {count} writes"
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


def test_a_run_that_is_delayed_by_a_day_between_intent_and_call_makes_nothing_twice(
    house_of: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe has forgotten the idempotency keys by then: what was made is found, what was not is made under another."""
    reference, _ = lived(house_of, days=2)
    house, town = lived(house_of, days=1)
    all_kinds(town)
    house.merge(town)
    house.attempts = 1
    for path in PATHS:
        house.world.faults.append(Fault("POST", path, status=500, when="after"))
        house.world.faults.append(Fault("POST", path, nth=2, status=500, when="before"))
    with pytest.raises(RunStopped, match="unknown outcome"):
        house.reconcile("late")
    house.world.faults.clear()
    with house.engine.begin() as connection:
        connection.execute(text("alter table journal_intent disable trigger journal_intent_append_only"))
        connection.execute(text("update journal_intent set intended_at = intended_at - interval '25 hours'"))
        connection.execute(text("alter table journal_intent enable trigger journal_intent_append_only"))
    house.forget_keys()
    house.reconcile("a day later")
    house.reconcile("and again")
    assert essence(house) == essence(reference)
    assert house.plan().plan.actions == []


def test_two_runs_at_once_are_one(house_of: Build) -> None:
    reference, _ = lived(house_of, days=2)
    house, town = lived(house_of, days=1)
    all_kinds(town)
    house.merge(town)
    outcomes: list[BaseException | None] = []

    def run(name: str) -> None:
        try:
            house.reconcile(name)
            outcomes.append(None)
        except (Waiting, RunStopped) as left_alone:
            outcomes.append(left_alone)

    threads = [threading.Thread(target=run, args=(f"run-{name}",)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len(outcomes) == 2
    house.reconcile("last")
    assert essence(house) == essence(reference)
    assert house.plan().plan.actions == []


def test_every_task_of_a_finished_run_cleared_and_run_again_writes_nothing(house_of: Build) -> None:
    house, town = lived(house_of, days=1)
    all_kinds(town)
    house.merge(town)
    house.reconcile("the run")
    writes = house.writes()
    for lost in ("apply", "verify", "plan", "compare", "extract_stripe", "extract_stigg"):
        with house.engine.begin() as connection:
            connection.execute(text("delete from station where run_id = 'the run' and station = :s"), {"s": lost})
        house.reconcile("the run")
    assert house.writes() == writes
