"""Approvals and quarantine: actions that wait for a person, and targets that are skipped (invariants 7 and 8)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, per_unit
from sandbox.world.state import iso
from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import ConfigurationError, NotReady
from stripe_sync.jobs.runtime import manual_actions as by_hand
from stripe_sync.jobs.runtime.approvals import approve, reject
from stripe_sync.jobs.runtime.approvals import question as question_of
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.warehouse import manual_actions
from stripe_sync.warehouse.plans import approvals, failures
from stripe_sync.warehouse.writes import leases
from tests.support.harness import Harness
from tests.support.shell import ENFORCE, TOML, command, environ

Build = Callable[[WorldBuilder], Harness]
ADA = Operator("ada", "looked at it")


def waiting(harness: Harness) -> list[approvals.Approval]:
    return approvals.waiting(harness.engine, "test", now=from_epoch(harness.world.now))


def say(harness: Harness, answer: Callable[..., str], hash: str) -> None:
    session = harness.session()
    try:
        answer(session, hash, ADA)
    finally:
        session.close()


def late(small_world: WorldBuilder, number: int) -> dict[str, Any]:
    """A subscription that began long ago: its creation always waits."""
    row: dict[str, Any] = small_world.stigg["subscriptions"][number]
    start = small_world.now - 20 * 86_400
    row |= {
        "startDate": iso(start),
        "createdAt": iso(start),
        "currentBillingPeriodStart": iso(start),
        "currentBillingPeriodEnd": iso(start + 30 * 86_400),
    }
    return row


def test_a_group_that_waits_is_asked_about_once_and_made_after_a_yes(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    late(small_world, 0)
    harness = harness_of(small_world)
    harness.reconcile()
    (question,) = waiting(harness)
    assert (question.request.group, len(question.request.actions)) == (
        "subscriptions/subscription.create/late_start",
        1,
    )
    assert "always waits for a person" in question.request.why[0]
    assert len(harness.objects("subscriptions")) == 2, "other groups went on"
    harness.reconcile()
    assert len(waiting(harness)) == 1, "nobody is asked twice"
    assert harness.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")

    say(harness, approve, question.request.hash)
    harness.reconcile(approval=question.request.hash)
    assert len(harness.objects("subscriptions")) == 3
    assert harness.status("s-1") == ("SUCCESS", "")
    assert waiting(harness) == []
    assert harness.plan().plan.actions == []


def test_no_lease_is_held_while_a_person_is_asked(harness_of: Build, small_world: WorldBuilder) -> None:
    late(small_world, 0)
    harness = harness_of(small_world)
    harness.reconcile()
    assert waiting(harness)
    with leases.held(harness.engine, "test", "subscriptions", holder="another run"):
        pass


def test_one_migration_over_its_limit_beside_twenty_sign_ups_that_go_through(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.plan("pro", "Pro", [flat(40), per_unit("seats", 5)], version=2)
    latest = small_world.stigg["plans"][-1]
    for number, row in enumerate(small_world.stigg["subscriptions"]):
        row["plan"]["versionNumber"] = 2
        units = {"seats": number + 2}
        row["prices"] = [small_world.charge_of(row["subscriptionId"], price, units) for price in latest["prices"]]
    for number in range(20):
        small_world.customer(f"n-{number}", f"New {number}", f"n{number}@example.test")
        small_world.subscription(f"new-{number}", f"n-{number}", "pro", units={"seats": 1})
    harness.merge(small_world)
    harness.limit(per_month={"usd": "1000"}, share=0.5)
    harness.reconcile()
    (question,) = waiting(harness)
    assert question.request.group == "subscriptions/subscription.update/migration"
    assert len(harness.objects("subscriptions")) == 23, "the sign-ups went through"
    assert "share" in " ".join(question.request.why)


@pytest.mark.parametrize("mover", ["Stripe", "Stigg"])
def test_the_world_moves_under_an_approved_set(harness_of: Build, small_world: WorldBuilder, mover: str) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    harness.change(modes=harness.environment.modes | {"customers": "propose"})
    for customer in small_world.stigg["customers"]:
        customer["name"] = f"New {customer['customerId']}"
    harness.merge(small_world)
    harness.reconcile()
    (question,) = waiting(harness)
    assert len(question.request.actions) == 3
    say(harness, approve, question.request.hash)
    if mover == "Stripe":
        (moved_approval,) = [c for c in harness.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-2"]
        harness.stripe().v1.customers.update(moved_approval["id"], {"name": "By a person"})
    else:
        small_world.stigg["customers"][1]["name"] = "Newer"
        harness.merge(small_world)
    harness.reconcile(approval=question.request.hash)
    names = {c["metadata"]["stiggCustomerId"]: c["name"] for c in harness.objects("customers")}
    assert (names["c-1"], names["c-3"]) == ("New c-1", "New c-3"), "what is still the same is made"
    assert names["c-2"] == ("By a person" if mover == "Stripe" else "Customer 2"), "what moved is not"
    harness.reconcile()
    (again,) = waiting(harness)
    assert len(again.request.actions) == 1, "it is planned and asked anew"


def test_nothing_but_the_approved_set_is_made(harness_of: Build, small_world: WorldBuilder) -> None:
    late(small_world, 0)
    harness = harness_of(small_world)
    harness.reconcile()
    (question,) = waiting(harness)
    small_world.stigg["customers"][0]["name"] = "Renamed"
    harness.merge(small_world)
    say(harness, approve, question.request.hash)
    harness.reconcile(approval=question.request.hash)
    names = {c["name"] for c in harness.objects("customers")}
    assert "Renamed" not in names
    assert len(harness.objects("subscriptions")) == 3


def test_an_approval_that_nobody_answers_expires_and_is_a_rejection(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    late(small_world, 0)
    harness = harness_of(small_world)
    harness.reconcile()
    (question,) = waiting(harness)
    harness.world.now += 24 * 3600
    with pytest.raises(ConfigurationError, match="already expired"):
        say(harness, approve, question.request.hash)
    with pytest.raises(NotReady, match="is expired"):
        harness.reconcile(approval=question.request.hash)
    assert len(harness.objects("subscriptions")) == 2
    harness.reconcile()
    assert len(waiting(harness)) == 1, "asked anew"


def test_what_was_rejected_is_not_asked_about_again_for_a_week(harness_of: Build, small_world: WorldBuilder) -> None:
    late(small_world, 0)
    harness = harness_of(small_world)
    harness.reconcile()
    (question,) = waiting(harness)
    say(harness, reject, question.request.hash)
    harness.reconcile()
    assert waiting(harness) == []
    with pytest.raises(ConfigurationError, match="already rejected"):
        say(harness, approve, question.request.hash)
    (row,) = manual_actions.all_of(harness.engine, "test")
    assert (row["command"], row["person"], row["reason"]) == ("reject", "ada", "looked at it")


def test_an_approval_is_applied_once(harness_of: Build, small_world: WorldBuilder) -> None:
    late(small_world, 0)
    harness = harness_of(small_world)
    harness.reconcile()
    (question,) = waiting(harness)
    say(harness, approve, question.request.hash)
    harness.reconcile(approval=question.request.hash)
    with pytest.raises(NotReady, match="is applied"):
        harness.reconcile(approval=question.request.hash)


def test_observe_is_not_overruled_by_an_approval(harness_of: Build, small_world: WorldBuilder) -> None:
    late(small_world, 0)
    harness = harness_of(small_world)
    harness.reconcile()
    (question,) = waiting(harness)
    say(harness, approve, question.request.hash)
    harness.change(modes={})
    harness.reconcile(approval=question.request.hash)
    assert len(harness.objects("subscriptions")) == 2


def test_the_question_says_what_and_how_much_and_nobodys_name(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(modes=dict.fromkeys(("catalog", "customers", "subscriptions"), "propose"))
    harness.reconcile()
    session = harness.session()
    requested = {a.request.group: question_of(session, a.request.hash) for a in waiting(harness)}
    session.close()
    found = requested["customers/customer.create/missing"]
    assert found["subject"].startswith("test: 3 × customers/customer.create/missing (")
    assert "3 writes" in found["body"]
    assert "the request is rejected" in found["body"]
    assert "Customer 1" not in json.dumps(requested)
    assert "example.test" not in json.dumps(requested)


def test_approving_and_rejecting_from_the_shell(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    env = environ(harness, TOML + ENFORCE + "[environments.test.limits]\nactions = 2\n")
    first = command(env, "apply", "test", "--yes")
    assert first.returncode == 2, first.stderr
    requested = json.loads(command(env, "status", "test", "--json").stdout)["approvals"]
    by_group = {row["group"]: row["approval"] for row in requested}
    assert set(by_group) == {"catalog/product.create/missing", "catalog/price.create/missing", "customers/customer.create/missing",
                             "catalog/product.set_default/price", "subscriptions/subscription.create/missing"}  # fmt: skip
    no_reason = command(env, "approve", "test", by_group["customers/customer.create/missing"])
    assert no_reason.returncode == 1
    done = command(env, "approve", "test", by_group["customers/customer.create/missing"], "--reason", "all known")
    assert (done.returncode, len(harness.objects("customers"))) == (0, 3), done.stderr
    gone = command(env, "reject", "test", by_group["catalog/product.create/missing"], "--reason", "not yet")
    assert gone.returncode == 0
    unknown = command(env, "approve", "test", "0" * 16, "--reason", "x")
    assert (unknown.returncode, "does not exist in test" in unknown.stderr) == (1, True)


def test_a_row_that_fails_again_and_again_is_left_alone_for_growing_delays(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    taken = "test--addon--support--base"
    harness.stripe().v1.products.create({"id": taken, "name": "A person's"})
    for _ in range(3):
        harness.reconcile()
    writes = harness.writes()
    harness.reconcile()
    assert harness.writes() == writes, "it is not tried"
    assert harness.status("support") == ("ERROR", "ID_TAKEN")
    harness.plan(full=True)
    assert harness.status("support") == ("ERROR", "ID_TAKEN"), "a new plan keeps the reason (R23)"
    (failing,) = failures.all_of(harness.engine, "test")
    assert (failing["target"], failing["failures"]) == ("product:test:addon:support:base", 3)
    harness.world.now += 3600
    harness.reconcile()
    assert harness.writes() == writes + 1
    (failing,) = failures.all_of(harness.engine, "test")
    assert failing["until"] - from_epoch(harness.world.now) == timedelta(hours=2)

    harness.stripe().v1.products.delete(taken)
    harness.reconcile()
    assert harness.status("support") == ("ERROR", "ID_TAKEN"), "still left alone"
    session = harness.session()
    by_hand.retry(session, "support", ADA)
    session.close()
    harness.reconcile()
    assert harness.status("support") == ("SUCCESS", "")
    assert failures.all_of(harness.engine, "test") == []
