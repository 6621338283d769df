"""Answers that Stripe keeps for an idempotency key, and objects that another request holds (SB 7)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.apply import settling
from stripe_sync.apply.current import as_it_is
from stripe_sync.core.errors import FatalError
from stripe_sync.core.lanes import Mode
from stripe_sync.domain.plan.actions import ActionKind
from stripe_sync.warehouse.writes import leases
from tests.scenarios.test_changes import attach_card
from tests.scenarios.test_final_invoice import changed_and_ended, finals
from tests.support.harness import Harness, build_small_world
from tests.support.kills import killed_in
from tests.support.metering import subscription

Build = Callable[[WorldBuilder], Harness]


def journal(harness: Harness, target: str) -> list[tuple[str, str | None, str]]:
    """(run, result, detail) of every intent on a target, oldest first."""
    with harness.engine.connect() as connection:
        rows = connection.execute(
            text("select i.run_id, o.result, coalesce(o.detail, '') as detail, o.idempotency_key from stripe_sync.journal_intent i "
                 "left join stripe_sync.journal_outcome o on o.intent_id = i.id where i.target = :t order by i.id"),
            {"t": target},
        ).all()  # fmt: skip
    assert len({row.idempotency_key for row in rows}) == len(rows), "each intent has a key of its own"
    return [(row.run_id, row.result, row.detail) for row in rows]


def posts(harness: Harness, path: str) -> int:
    return sum(r.method == "POST" and r.path == path for r in harness.world.requests)


def test_a_500_that_is_repeated_is_looked_into_and_sent_again_under_a_new_key(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """F12, SB 7.1: the 500 is kept, so the same key answers 500 for a day; the run ends well all the same."""
    harness = harness_of(small_world)
    harness.world.faults.append(Fault("POST", "/v1/customers", status=500))
    harness.reconcile("run")
    assert harness.status("c-1") == harness.status("s-1") == ("SUCCESS", "")
    assert len(harness.objects("customers")) == len(harness.objects("subscriptions")) == 3
    (first, second) = journal(harness, first_failed(harness))
    assert first[:2] == ("run", "dropped")
    assert "repeats the stored answer 500" in first[2]
    assert "sent again under a new key" in first[2]
    assert second[:2] == ("run", "done")


def first_failed(harness: Harness) -> str:
    """The target of the customer whose creation was answered with the kept 500."""
    with harness.engine.connect() as connection:
        found = connection.execute(
            text("select i.target from stripe_sync.journal_intent i join stripe_sync.journal_outcome o on o.intent_id = i.id "
                 "where o.result = 'dropped' or o.detail <> ''")
        ).scalar_one()  # fmt: skip
    return str(found)


def test_a_500_after_its_effect_is_found_and_nothing_is_made_twice(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """F12: the object exists although every answer under the key is 500."""
    harness = harness_of(small_world)
    harness.world.faults.append(Fault("POST", "/v1/customers", status=500, when="after"))
    harness.reconcile("run")
    assert len(harness.objects("customers")) == 3
    assert harness.status("c-1") == ("SUCCESS", "")
    ((_, result, detail),) = journal(harness, first_failed(harness))
    assert result == "done"
    assert detail.endswith("It was made nevertheless.")


def test_a_500_of_an_earlier_run_is_not_repeated_for_a_day(harness_of: Build, small_world: WorldBuilder) -> None:
    """F12 (E8): the next run does not meet the old answer again and again."""
    harness = harness_of(small_world)
    harness.attempts = 1
    harness.world.faults.extend(Fault("POST", "/v1/customers", status=500) for _ in range(3))
    with pytest.raises(FatalError, match="unknown outcome"):
        harness.reconcile("lost")
    harness.reconcile("next")
    assert {harness.status(f"s-{n}") for n in (1, 2, 3)} == {("SUCCESS", "")}
    assert len(harness.objects("customers")) == 3


def test_a_stripe_that_only_answers_500_ends_with_an_open_intent(harness_of: Build, small_world: WorldBuilder) -> None:
    """F12: keys are not used up without an end, and what others need is made."""
    harness = harness_of(small_world)
    harness.attempts = 1
    harness.world.faults.append(Fault("POST", "/v1/customers", status=500, times=1000))
    with pytest.raises(FatalError, match="unknown outcome"):
        harness.reconcile("busy")
    assert posts(harness, "/v1/customers") <= 3 * 3 * 2
    harness.world.faults.clear()
    harness.reconcile("next")
    assert harness.status("s-3") == ("SUCCESS", "")


def charged(harness_of: Build, last4: str) -> Harness:
    """A small world whose first customer is charged automatically, with a card of these last digits, before its subscription."""
    small_world = build_small_world()
    small_world.stigg["subscriptions"][0]["paymentCollectionMethod"] = "CHARGE"
    harness = harness_of(small_world)
    harness.reconcile(entities=["product", "price", "customer"])
    attach_card(harness, "c-1", last4)
    return harness


def test_a_decline_whose_answer_was_lost_is_a_decline_and_is_not_charged_again(harness_of: Build) -> None:
    """F12, SB 7.1: the 402 that comes again is the answer of this very call; the card is asked once."""
    harness = charged(harness_of, "0341")
    harness.world.faults.append(Fault("POST", "/v1/subscriptions", kind="reset", when="after"))
    harness.change(workers=1)
    harness.reconcile("run")
    assert harness.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    kept = [answer for answer in harness.world.replays.values() if answer.status == 402]
    assert len(kept) == 1, "the call was carried out once"


def test_a_decline_of_an_earlier_run_that_nobody_heard_is_asked_again_with_the_new_card(harness_of: Build) -> None:
    """F12: the old key answers 402 although the customer has another card by now."""
    harness = charged(harness_of, "0341")
    harness.attempts = 1
    harness.change(workers=1)
    harness.world.faults.append(Fault("POST", "/v1/subscriptions", kind="reset", when="after", times=3))
    with pytest.raises(FatalError, match="unknown outcome"):
        harness.reconcile("lost")
    replaced_card(harness, "4242")
    harness.reconcile("next")
    assert harness.status("s-1") == ("SUCCESS", "")
    (target,) = {k for k in targets(harness) if k.endswith("s-1")}
    assert [row[:2] for row in journal(harness, target)] == [("lost", "dropped"), ("next", "done")]


def replaced_card(harness: Harness, last4: str) -> None:
    """Give customer c-1 another card than the one that it has."""
    (customer,) = [c for c in harness.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-1"]
    old = harness.world.stripe["payment_methods"][customer["invoice_settings"]["default_payment_method"]]
    fresh = old | {"id": "pm_another", "card": old["card"] | {"last4": last4}}
    harness.world.put("payment_methods", fresh)
    harness.stripe().v1.customers.update(customer["id"], {"invoice_settings": {"default_payment_method": "pm_another"}})


def targets(harness: Harness) -> set[str]:
    with harness.engine.connect() as connection:
        return set(connection.execute(text("select target from stripe_sync.journal_intent")).scalars())


def test_a_replayed_success_is_read_again(harness_of: Build, small_world: WorldBuilder) -> None:
    """SB 7.4: the body is the one of the creation, regardless of later writes to the object."""
    harness = harness_of(small_world)
    api = harness.session().stripe

    def made() -> Any:
        return api.write(
            "post /v1/customers", lambda c, o: c.v1.customers.create({"name": "Then"}, o), idempotency_key="key-1"
        )

    id = made().object["id"]
    harness.stripe().v1.customers.update(id, {"name": "Now"})
    again = made()
    assert (again.replayed, again.object["name"]) == (True, "Then")
    assert as_it_is(api, again)["name"] == "Now"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_object_that_another_request_holds_is_asked_for_again_and_slows_nothing(
    harness_of: Build, small_world: WorldBuilder, method: str
) -> None:
    """SB 7.5, F24: lock_timeout is a 429 on reads and writes, and no limit of an endpoint."""
    harness = harness_of(small_world)
    harness.world.faults.append(Fault(method, "/v1/customers", kind="lock", times=3))
    harness.reconcile()
    assert harness.status("c-1") == ("SUCCESS", "")
    assert slowed(harness) == []


@pytest.mark.parametrize(("reason", "slower"), [("resource-specific", 0), ("endpoint-rate", 1)])
def test_a_limit_of_one_object_does_not_slow_the_endpoint(
    harness_of: Build, small_world: WorldBuilder, reason: str, slower: int
) -> None:
    """F24, SB 13.2: 10 invoices a minute are the limit of one subscription, and others go on at their pace."""
    harness = harness_of(small_world)
    harness.world.faults.append(Fault("POST", "/v1/customers", status=429, reason=reason))
    harness.reconcile()
    assert harness.status("c-1") == ("SUCCESS", "")
    assert len(slowed(harness)) == slower


def slowed(harness: Harness) -> list[str]:
    """The endpoints whose pace a 429 has lowered."""
    with harness.engine.connect() as connection:
        return list(
            connection.execute(
                text("select endpoint from stripe_sync.rate_budget where slowed_until is not null")
            ).scalars()
        )


def test_seven_lost_calls_are_settled_side_by_side(harness_of: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """R17: the wait for calls that may be under way is one, and not one for each."""
    small_world = build_small_world()
    for number in range(4, 8):
        small_world.customer(f"c-{number}", f"Customer {number}", f"c{number}@example.test")
        small_world.subscription(f"s-{number}", f"c-{number}", "pro", units={"seats": 2})
    harness = harness_of(small_world)
    harness.reconcile(entities=["product", "price"])
    harness.attempts = 1
    harness.world.faults.append(Fault("POST", "/v1/customers", status=500, when="after", times=7))
    with pytest.raises(FatalError, match="unknown outcome"):
        harness.reconcile("lost")
    begun_in(harness, seconds=6)
    harness.settle_seconds = 3.0
    lasted = timed(monkeypatch)
    harness.reconcile("next")
    assert max(lasted) < 15, "a wait of at least 3 s for each of seven would be 21 s"
    assert len(harness.objects("customers")) == 7
    assert harness.status("s-7") == ("SUCCESS", "")


def begun_in(harness: Harness, *, seconds: int) -> None:
    """Let every intent be of a moment to come, so that a run that begins now meets it as it is made."""
    with harness.engine.begin() as connection:
        connection.execute(text("alter table stripe_sync.journal_intent disable trigger journal_intent_append_only"))
        connection.execute(
            text("update stripe_sync.journal_intent set intended_at = now() + make_interval(secs => :s)"),
            {"s": seconds},
        )
        connection.execute(text("alter table stripe_sync.journal_intent enable trigger journal_intent_append_only"))


def timed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that each recovery of a lane takes."""
    lasted: list[float] = []
    original = settling.settle

    def settle(*given: Any) -> None:
        begun = time.monotonic()
        original(*given)
        lasted.append(time.monotonic() - begun)

    monkeypatch.setattr(settling, "settle", settle)
    return lasted


@pytest.mark.parametrize("removed", [False, True], ids=["pending items kept", "pending items removed"])
def test_a_cancellation_whose_answer_is_lost_has_its_follow_up(
    harness_of: Build, small_world: WorldBuilder, removed: bool
) -> None:
    """SB 2.8, 7.1: the retry of the DELETE is a 404; what was pending is billed, and the owed invoice is given back."""
    harness = harness_of(small_world)
    harness.world.unknowns["cancel_removes_prorations"] = removed
    waiting = changed_and_ended(harness)
    first = harness.world.stripe["invoices"][subscription(harness)["latest_invoice"]]
    harness.world.faults.append(Fault("DELETE", "/v1/subscriptions/", kind="reset", when="after"))
    harness.reconcile("lost")
    assert subscription(harness)["status"] == "canceled"
    assert [(bill["total"], bill["auto_advance"]) for bill in finals(harness)] == [(waiting, True)]
    assert [i for i in harness.objects("invoiceitems") if i["invoice"] is None] == []
    assert (first["status"], first["auto_advance"]) == ("open", True)
    (*_, last) = journal(harness, "subscription:test:s-1")
    assert last == ("lost", "done", "Its first answer was lost.")


@pytest.mark.parametrize("stop", ["pause", "observe"])
def test_the_follow_up_of_a_killed_cancellation_waits_while_its_lane_does_not_write(
    harness_of: Build, small_world: WorldBuilder, stop: str
) -> None:
    harness = harness_of(small_world)
    waiting = changed_and_ended(harness)
    modes = harness.environment.modes
    with killed_in(ActionKind.SUBSCRIPTION_CANCEL, "finish"):
        harness.reconcile("killed")
    written = harness.writes()
    if stop == "pause":
        with harness.engine.begin() as connection:
            leases.pause(connection, "test", "", reason="incident", person="ada")
    else:
        harness.change(modes=dict.fromkeys(modes, Mode.OBSERVE))
    harness.reconcile("stopped")
    assert (harness.writes(), finals(harness)) == (written, [])
    assert harness.status("s-1") == ("PENDING", "PAUSED" if stop == "pause" else "OBSERVED_ONLY")
    harness.change(modes=modes)
    with harness.engine.begin() as connection:
        leases.resume(connection, "test", "")
    harness.reconcile("on again")
    assert [(bill["total"], bill["auto_advance"]) for bill in finals(harness)] == [(waiting, True)]
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")
