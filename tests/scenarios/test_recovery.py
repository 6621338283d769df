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
from stripe_sync.core.errors import FatalError, NotAuthorized, NotReady
from stripe_sync.warehouse.writes import journal, leases
from tests.oracles.end_state import end_state
from tests.support.cases import SEED, chosen_cases, crossed
from tests.support.harness import Harness, build_small_world
from tests.support.kills import Killed
from tests.support.shell import ENFORCE, TOML, environ

Build = Callable[[WorldBuilder], Harness]
PATHS = ("/v1/products", "/v1/prices", "/v1/customers", "/v1/subscriptions")
LOST = ((500, "before"), (500, "after"), (429, "before"), (409, "before"))


def first_day(small_world: WorldBuilder) -> None:
    """A catalog, coupons, customers and subscriptions that are to be made."""
    small_world.coupon("half", percent=50)
    small_world.coupon("gone", percent=5)
    small_world.plan("extra", "Extra", [flat(5), per_unit("seats", 3)])
    rows = small_world.stigg["subscriptions"]
    rows[0]["coupons"] = [small_world.applied("half")]
    rows[1]["prices"][0] |= {"price": {**flat(12), "id": "override-1", "isOverridePrice": True}}
    small_world.plan("once", "Once", [flat(9), flat(99) | {"billingCadence": "ONE_OFF"}])
    row = small_world.subscription("s-once", "c-3", "once")
    row["kept"] = row["prices"].pop()


def all_kinds(small_world: WorldBuilder) -> None:
    """A day on which something of every kind changes."""
    rows = small_world.stigg["subscriptions"]
    small_world.stigg["customers"][0]["name"] = "Renamed"
    small_world.stigg["coupons"][0]["name"] = "Half price"
    small_world.stigg["coupons"][1]["percentOff"] = 6
    small_world.addon("support", "Priority support", [flat(12)], version=2)
    small_world.plan("extra", "Extra", [flat(5)], version=2)
    rows[0]["prices"][1] |= {"usageLimit": 9}
    rows[1]["prices"][0] |= {"price": {"id": small_world.stigg["plans"][0]["prices"][0]["id"]}}
    rows[2] |= {"status": "CANCELED", "cancelReason": "Immediate", "effectiveEndDate": iso(small_world.now)}
    rows[3]["prices"].append(rows[3]["kept"])
    small_world.customer("c-4", "Four", "four@example.test")
    small_world.subscription("s-4", "c-4", "pro", units={"seats": 1})


# The day of all kinds has a creation of each kind as well; the first day, which has more of them, is for make soak.
# One moment a test run, by its seed; the soak has both.
TIMES = ["before the call", "after the call"]
MOMENT = TIMES if os.environ.get("TEST_DAYS") else [TIMES[SEED % 2]]
DAYS = ["the day of all kinds", *(["the first day"] if os.environ.get("TEST_DAYS") else [])]
KINDS = {
    "product.update", "product.set_default", "product.retire", "price.create", "price.release", "price.archive",
    "price.retire", "coupon.create", "coupon.update", "coupon.delete", "customer.create", "customer.update",
    "subscription.create", "subscription.update", "subscription.cancel", "invoiceitem.create",
}  # fmt: skip


def lived(harness_of: Build, *, days: int) -> tuple[Harness, WorldBuilder]:
    """A harness in which the first day, or both, are over."""
    small_world = build_small_world()
    first_day(small_world)
    harness = harness_of(small_world)
    harness.reconcile()
    harness.later(2 * 3600)  # the first invoices are finalized, so that an end has nothing to wait for
    if days == 2:
        all_kinds(small_world)
        harness.merge(small_world)
        harness.reconcile()
    return harness, small_world


def test_the_day_of_all_kinds_is_one_of_all_kinds(harness_of: Build) -> None:
    harness, small_world = lived(harness_of, days=1)
    all_kinds(small_world)
    harness.merge(small_world)
    kinds = {a.kind for a in harness.plan().plan.actions}
    assert kinds == KINDS
    harness.reconcile()
    assert harness.plan().plan.actions == []


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("moment", MOMENT)
def test_killed_at_every_write_and_started_again_it_ends_as_if_nothing_had_happened(
    harness_of: Build, moment: str, day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, _ = lived(harness_of, days=2 if "all" in day else 1)
    if "all" in day:
        harness, small_world = lived(harness_of, days=1)
        all_kinds(small_world)
        harness.merge(small_world)
    else:
        small_world = build_small_world()
        first_day(small_world)
        harness = harness_of(small_world)
    writes = harness.plan().plan.actions
    harness.change(workers=1)
    original = executor.Executor.write
    kills = 0

    def deadly(self: executor.Executor, action: Any, lease: Any) -> Any:
        """Dies at the first write of this process that is not yet made: before its call, or before its outcome is kept."""
        nonlocal kills
        kills += 1
        if moment == "before the call":
            self.handlers = {k: replace(h, send=dead) for k, h in self.handlers.items()}
        else:
            monkeypatch.setattr(executor.Executor, "record_success", dead)
        return original(self, action, lease)

    def dead(*_: Any, **__: Any) -> Any:
        raise Killed

    made = executor.Executor.record_success
    for attempt in range(80):
        monkeypatch.setattr(executor.Executor, "write", deadly)
        try:
            harness.reconcile(f"attempt-{attempt}")
            break
        except Killed:
            monkeypatch.setattr(executor.Executor, "record_success", made)
            monkeypatch.setattr(executor.Executor, "write", original)
            # The next process gets one write further: it settles what was lost and makes one more.
            if moment == "before the call":
                one_more(harness, monkeypatch, f"step-{attempt}")
        finally:
            monkeypatch.setattr(executor.Executor, "record_success", made)
            monkeypatch.setattr(executor.Executor, "write", original)
    assert kills >= len(writes), "every write of the plan was interrupted"
    harness.reconcile("last")
    assert end_state(harness.world) == end_state(reference.world)
    assert harness.plan().plan.actions == []


def one_more(harness: Harness, monkeypatch: pytest.MonkeyPatch, run: str) -> None:
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
        harness.reconcile(run)
        raise Killed
    monkeypatch.setattr(executor.Executor, "write", original)


@pytest.mark.parametrize(("path", "lost"), chosen_cases(crossed(PATHS, LOST), 4))
def test_an_answer_that_is_lost_is_asked_for_again_under_its_key(
    harness_of: Build, small_world: WorldBuilder, path: str, lost: tuple[int, str]
) -> None:
    harness = harness_of(small_world)
    status, when = lost
    harness.world.faults.append(Fault("POST", path, nth=1, status=status, when=when))
    harness.reconcile()
    assert harness.world.faults == []
    assert harness.plan().plan.actions == []
    assert len(harness.objects("customers")) == len(harness.objects("subscriptions")) == 3
    assert len(harness.objects("prices")) == 3


def test_a_write_whose_outcome_stays_unknown_is_settled_by_the_next_run(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile(entities=["product", "price"])
    harness.attempts = 1
    harness.world.faults.extend(Fault("POST", "/v1/customers", status=500, when="after") for _ in range(3))
    with pytest.raises(FatalError, match="unknown outcome"):
        harness.reconcile("lost")
    assert len(harness.objects("customers")) == 3, "they were made, and nobody was told"
    harness.reconcile("next")
    assert len(harness.objects("customers")) == 3
    assert harness.status("c-1") == ("SUCCESS", "")
    with harness.engine.connect() as connection:
        open_intents = connection.execute(
            text("select count(*) from stripe_sync.journal_intent i left join stripe_sync.journal_outcome o on o.intent_id = i.id "
                 "where o.intent_id is null")
        ).scalar()  # fmt: skip
    assert open_intents == 0


def test_what_was_made_is_recorded_as_made_though_nothing_is_left_to_do(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile(entities=["product", "price", "customer"])
    harness.attempts = 1
    harness.world.faults.extend(Fault("POST", "/v1/subscriptions", status=500, when="after") for _ in range(3))
    with pytest.raises(FatalError, match="unknown outcome"):
        harness.reconcile("lost")
    assert harness.reconcile("next")["results"] == {}, "their marks say what they are"
    harness.stigg("customers", customerId="c-1")["name"] = "Renamed"
    harness.world.faults.append(Fault("POST", "/v1/customers", status=500, when="after"))
    with pytest.raises(FatalError, match="unknown outcome"):
        harness.reconcile("lost again")
    assert harness.reconcile("last")["results"] == {}
    with harness.engine.connect() as connection:
        rows = connection.execute(
            text("select i.kind, o.result from stripe_sync.journal_intent i left join stripe_sync.journal_outcome o on o.intent_id = i.id "
                 "where i.run_id in ('lost', 'lost again') order by i.id")
        ).all()  # fmt: skip
    assert [tuple(row) for row in rows] == [("subscription.create", "done")] * 3 + [("customer.update", "done")]


def test_every_write_has_an_intent_an_outcome_and_a_request_id(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    with harness.engine.connect() as connection:
        rows = connection.execute(
            text("select i.kind, o.result, o.request_id, o.idempotency_key from stripe_sync.journal_intent i "
                 "join stripe_sync.journal_outcome o on o.intent_id = i.id")
        ).all()  # fmt: skip
    assert len(rows) == harness.writes() == 17
    assert {row.result for row in rows} == {"done"}
    assert all(row.request_id.startswith("req_") for row in rows)
    assert len({row.idempotency_key for row in rows}) == 17


@pytest.mark.parametrize(
    "statement", ["update stripe_sync.journal_outcome set result = 'done'", "delete from stripe_sync.journal_intent"]
)
def test_the_journal_is_append_only(harness_of: Build, small_world: WorldBuilder, statement: str) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    with pytest.raises(DBAPIError, match="append-only"), harness.engine.begin() as connection:
        connection.execute(text(statement))


def test_a_name_that_goes_and_comes_back_within_a_day_is_written_each_time(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """The same change twice has two idempotency keys: Stripe would replay the first answer and change nothing."""
    harness = harness_of(small_world)
    harness.reconcile()
    for name in ("A", "B", "A", "B"):
        small_world.stigg["customers"][0]["name"] = name
        harness.merge(small_world)
        harness.reconcile()
        assert name in {c["name"] for c in harness.objects("customers")}


KILLS = int(os.environ.get("TEST_KILLS", "1"))
LIFE = (
    TOML.replace("stripe.account_rate = 10000", "stripe.account_rate = 25")
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
def test_a_process_that_is_killed_in_the_middle_leaves_nothing_double(harness_of: Build, number: int) -> None:
    """A real process, a real SIGKILL; time is let pass by ending its lease by hand, as the database's clock would.

    TEST_SEED says where the kills are, TEST_KILLS how many; one for each write of the day, if there are as many.
    """
    reference, _ = lived(harness_of, days=2)
    harness, small_world = lived(harness_of, days=1)
    all_kinds(small_world)
    harness.merge(small_world)
    count, before = len(harness.plan().plan.actions), harness.writes()
    rng = random.Random(SEED)
    after = list(range(count)) if count <= KILLS else rng.sample(range(count), KILLS)
    process = subprocess.Popen(
        [sys.executable, "-m", "stripe_sync.interfaces.cli.main", "apply", "test", "--yes"],
        env=environ(harness, LIFE), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while harness.writes() - before < after[number % len(after)] + 1 and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.wait()
    with harness.engine.begin() as connection:
        connection.execute(text("update stripe_sync.lease set expires_at = now() - interval '1 second'"))
    harness.reconcile()
    assert end_state(harness.world) == end_state(reference.world), (
        f"killed after {after[number % len(after)] + 1} of {count} writes"
    )
    assert harness.plan().plan.actions == []


def test_a_key_that_loses_its_rights_stops_the_run_and_what_was_made_stays_recorded(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.change(workers=1)
    harness.world.faults.append(Fault("POST", "/v1/customers", nth=2, status=403))
    with pytest.raises(NotAuthorized, match="Grant it to the restricted key"):
        harness.reconcile("stopped")
    assert len(harness.objects("customers")) == 1, "nothing was started after the refusal"
    harness.reconcile("next")
    assert len(harness.objects("customers")) == 3
    assert harness.plan().plan.actions == []


def test_a_zombie_whose_lease_was_taken_starts_no_call(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    stored = harness.plan()
    action = stored.plan.actions[0]
    zombie = leases.take(harness.engine, "test", "catalog", "zombie")
    leases.extend(harness.engine, zombie, 0)
    successor = leases.take(harness.engine, "test", "catalog", "successor")
    assert successor.epoch == zombie.epoch + 1

    def intend(epoch: int) -> object:
        return journal.intend(harness.engine, "test", stored.run_id, stored.plan.hash, action, epoch=epoch)

    assert intend(zombie.epoch) is None
    assert intend(successor.epoch) is not None
    assert leases.extend(harness.engine, zombie, 60) is False
    assert [leases.is_current(harness.engine, lease) for lease in (zombie, successor)] == [False, True]


def test_a_run_that_is_delayed_by_a_day_between_intent_and_call_makes_nothing_twice(
    harness_of: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe has forgotten the idempotency keys by then: what was made is found, what was not is made under another."""
    reference, _ = lived(harness_of, days=2)
    harness, small_world = lived(harness_of, days=1)
    all_kinds(small_world)
    harness.merge(small_world)
    harness.attempts = 1
    for path in PATHS:
        harness.world.faults.append(Fault("POST", path, status=500, when="after"))
        harness.world.faults.append(Fault("POST", path, nth=2, status=500, when="before"))
    with pytest.raises(FatalError, match="unknown outcome"):
        harness.reconcile("late")
    harness.world.faults.clear()
    with harness.engine.begin() as connection:
        connection.execute(text("alter table stripe_sync.journal_intent disable trigger journal_intent_append_only"))
        connection.execute(
            text("update stripe_sync.journal_intent set intended_at = intended_at - interval '25 hours'")
        )
        connection.execute(text("alter table stripe_sync.journal_intent enable trigger journal_intent_append_only"))
    harness.forget_keys()
    harness.reconcile("a day later")
    harness.reconcile("and again")
    assert end_state(harness.world) == end_state(reference.world)
    assert harness.plan().plan.actions == []


def test_two_runs_at_once_are_one(harness_of: Build) -> None:
    reference, _ = lived(harness_of, days=2)
    harness, small_world = lived(harness_of, days=1)
    all_kinds(small_world)
    harness.merge(small_world)
    outcomes: list[BaseException | None] = []

    def run(name: str) -> None:
        try:
            harness.reconcile(name)
            outcomes.append(None)
        except (NotReady, FatalError) as left_alone:
            outcomes.append(left_alone)

    threads = [threading.Thread(target=run, args=(f"run-{name}",)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len(outcomes) == 2
    harness.reconcile("last")
    assert end_state(harness.world) == end_state(reference.world)
    assert harness.plan().plan.actions == []


def test_every_task_of_a_finished_run_cleared_and_run_again_writes_nothing(harness_of: Build) -> None:
    harness, small_world = lived(harness_of, days=1)
    all_kinds(small_world)
    harness.merge(small_world)
    harness.reconcile("the run")
    writes = harness.writes()
    for lost in ("apply", "verify", "plan", "compare", "extract_stripe", "extract_stigg"):
        with harness.engine.begin() as connection:
            connection.execute(text("delete from stripe_sync.step where run_id = 'the run' and step = :s"), {"s": lost})
        harness.reconcile("the run")
    assert harness.writes() == writes
