"""Approvals and quarantine: what waits for a person, and what is left alone (invariants 7 and 8)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, per_unit
from sandbox.world.state import iso
from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import ConfigurationError, Waiting
from stripe_sync.jobs.runtime import manual_actions as by_hand
from stripe_sync.jobs.runtime.approvals import approve, reject
from stripe_sync.jobs.runtime.approvals import question as question_of
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.warehouse import manual_actions
from stripe_sync.warehouse.plans import approvals, failures
from stripe_sync.warehouse.writes import leases
from tests.house import House
from tests.shell import ENFORCE, TOML, command, environ

Build = Callable[[WorldBuilder], House]
ADA = Hand("ada", "looked at it")


def waiting(house: House) -> list[approvals.Approval]:
    return approvals.waiting(house.engine, "test", now=from_epoch(house.world.now))


def say(house: House, answer: Callable[..., str], hash: str) -> None:
    session = house.session()
    try:
        answer(session, hash, ADA)
    finally:
        session.close()


def late(town: WorldBuilder, number: int) -> dict[str, Any]:
    """A subscription that began long ago: its creation always waits."""
    row: dict[str, Any] = town.stigg["subscriptions"][number]
    start = town.now - 20 * 86_400
    row |= {
        "startDate": iso(start),
        "createdAt": iso(start),
        "currentBillingPeriodStart": iso(start),
        "currentBillingPeriodEnd": iso(start + 30 * 86_400),
    }
    return row


def test_a_group_that_waits_is_asked_about_once_and_made_after_a_yes(house_of: Build, town: WorldBuilder) -> None:
    late(town, 0)
    house = house_of(town)
    house.reconcile()
    (question,) = waiting(house)
    assert (question.request.group, len(question.request.actions)) == (
        "subscriptions/subscription.create/late_start",
        1,
    )
    assert "always waits for a person" in question.request.why[0]
    assert len(house.objects("subscriptions")) == 2, "other groups went on"
    house.reconcile()
    assert len(waiting(house)) == 1, "nobody is asked twice"
    assert house.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")

    say(house, approve, question.request.hash)
    house.reconcile(approval=question.request.hash)
    assert len(house.objects("subscriptions")) == 3
    assert house.status("s-1") == ("SUCCESS", "")
    assert waiting(house) == []
    assert house.plan().plan.actions == []


def test_no_lease_is_held_while_a_person_is_asked(house_of: Build, town: WorldBuilder) -> None:
    late(town, 0)
    house = house_of(town)
    house.reconcile()
    assert waiting(house)
    with leases.held(house.engine, "test", "subscriptions", holder="another run"):
        pass


def test_one_migration_over_its_limit_beside_twenty_sign_ups_that_go_through(
    house_of: Build, town: WorldBuilder
) -> None:
    house = house_of(town)
    house.reconcile()
    town.plan("pro", "Pro", [flat(40), per_unit("seats", 5)], version=2)
    latest = town.stigg["plans"][-1]
    for number, row in enumerate(town.stigg["subscriptions"]):
        row["plan"]["versionNumber"] = 2
        units = {"seats": number + 2}
        row["prices"] = [town.charge_of(row["subscriptionId"], price, units) for price in latest["prices"]]
    for number in range(20):
        town.customer(f"n-{number}", f"New {number}", f"n{number}@example.test")
        town.subscription(f"new-{number}", f"n-{number}", "pro", units={"seats": 1})
    house.merge(town)
    house.limit(per_month={"usd": "1000"}, share=0.5)
    house.reconcile()
    (question,) = waiting(house)
    assert question.request.group == "subscriptions/subscription.update/migration"
    assert len(house.objects("subscriptions")) == 23, "the sign-ups went through"
    assert "share" in " ".join(question.request.why)


@pytest.mark.parametrize("mover", ["Stripe", "Stigg"])
def test_the_world_moves_under_an_approved_set(house_of: Build, town: WorldBuilder, mover: str) -> None:
    house = house_of(town)
    house.reconcile()
    house.change(modes=house.environment.modes | {"customers": "propose"})
    for customer in town.stigg["customers"]:
        customer["name"] = f"New {customer['customerId']}"
    house.merge(town)
    house.reconcile()
    (question,) = waiting(house)
    assert len(question.request.actions) == 3
    say(house, approve, question.request.hash)
    if mover == "Stripe":
        (moved,) = [c for c in house.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-2"]
        house.stripe().v1.customers.update(moved["id"], {"name": "By a person"})
    else:
        town.stigg["customers"][1]["name"] = "Newer"
        house.merge(town)
    house.reconcile(approval=question.request.hash)
    names = {c["metadata"]["stiggCustomerId"]: c["name"] for c in house.objects("customers")}
    assert (names["c-1"], names["c-3"]) == ("New c-1", "New c-3"), "what is still the same is made"
    assert names["c-2"] == ("By a person" if mover == "Stripe" else "Customer 2"), "what moved is not"
    house.reconcile()
    (again,) = waiting(house)
    assert len(again.request.actions) == 1, "it is planned and asked anew"


def test_nothing_but_the_approved_set_is_made(house_of: Build, town: WorldBuilder) -> None:
    late(town, 0)
    house = house_of(town)
    house.reconcile()
    (question,) = waiting(house)
    town.stigg["customers"][0]["name"] = "Renamed"
    house.merge(town)
    say(house, approve, question.request.hash)
    house.reconcile(approval=question.request.hash)
    names = {c["name"] for c in house.objects("customers")}
    assert "Renamed" not in names
    assert len(house.objects("subscriptions")) == 3


def test_an_approval_that_nobody_answers_expires_and_is_a_rejection(house_of: Build, town: WorldBuilder) -> None:
    late(town, 0)
    house = house_of(town)
    house.reconcile()
    (question,) = waiting(house)
    house.world.now += 24 * 3600
    with pytest.raises(ConfigurationError, match="expired already"):
        say(house, approve, question.request.hash)
    with pytest.raises(Waiting, match="is expired"):
        house.reconcile(approval=question.request.hash)
    assert len(house.objects("subscriptions")) == 2
    house.reconcile()
    assert len(waiting(house)) == 1, "asked anew"


def test_what_was_rejected_is_not_asked_about_again_for_a_week(house_of: Build, town: WorldBuilder) -> None:
    late(town, 0)
    house = house_of(town)
    house.reconcile()
    (question,) = waiting(house)
    say(house, reject, question.request.hash)
    house.reconcile()
    assert waiting(house) == []
    with pytest.raises(ConfigurationError, match="rejected already"):
        say(house, approve, question.request.hash)
    (row,) = manual_actions.all_of(house.engine, "test")
    assert (row["command"], row["person"], row["reason"]) == ("reject", "ada", "looked at it")


def test_an_approval_is_applied_once(house_of: Build, town: WorldBuilder) -> None:
    late(town, 0)
    house = house_of(town)
    house.reconcile()
    (question,) = waiting(house)
    say(house, approve, question.request.hash)
    house.reconcile(approval=question.request.hash)
    with pytest.raises(Waiting, match="is applied"):
        house.reconcile(approval=question.request.hash)


def test_observe_is_not_overruled_by_an_approval(house_of: Build, town: WorldBuilder) -> None:
    late(town, 0)
    house = house_of(town)
    house.reconcile()
    (question,) = waiting(house)
    say(house, approve, question.request.hash)
    house.change(modes={})
    house.reconcile(approval=question.request.hash)
    assert len(house.objects("subscriptions")) == 2


def test_the_question_says_what_and_how_much_and_nobodys_name(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.change(modes=dict.fromkeys(("catalog", "customers", "subscriptions"), "propose"))
    house.reconcile()
    session = house.session()
    asked = {a.request.group: question_of(session, a.request.hash) for a in waiting(house)}
    session.close()
    found = asked["customers/customer.create/missing"]
    assert found["subject"].startswith("test: 3 × customers/customer.create/missing (")
    assert "3 writes" in found["body"]
    assert "rejection" in found["body"]
    assert "Customer 1" not in json.dumps(asked)
    assert "example.test" not in json.dumps(asked)


def test_approving_and_rejecting_from_the_shell(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    env = environ(house, TOML + ENFORCE + "[environments.test.limits]\nactions = 2\n")
    first = command(env, "apply", "test", "--yes")
    assert first.returncode == 2, first.stderr
    asked = json.loads(command(env, "status", "test", "--json").stdout)["approvals"]
    by_group = {row["group"]: row["approval"] for row in asked}
    assert set(by_group) == {"catalog/product.create/missing", "catalog/price.create/missing", "customers/customer.create/missing",
                             "catalog/product.set_default/price", "subscriptions/subscription.create/missing"}  # fmt: skip
    no_reason = command(env, "approve", "test", by_group["customers/customer.create/missing"])
    assert no_reason.returncode == 1
    done = command(env, "approve", "test", by_group["customers/customer.create/missing"], "--reason", "all known")
    assert (done.returncode, len(house.objects("customers"))) == (0, 3), done.stderr
    gone = command(env, "reject", "test", by_group["catalog/product.create/missing"], "--reason", "not yet")
    assert gone.returncode == 0
    unknown = command(env, "approve", "test", "0" * 16, "--reason", "x")
    assert (unknown.returncode, "Nobody is asked" in unknown.stderr) == (1, True)


def test_a_row_that_fails_again_and_again_is_left_alone_for_growing_delays(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    taken = "test--addon--support--base"
    house.stripe().v1.products.create({"id": taken, "name": "A person's"})
    for _ in range(3):
        house.reconcile()
    writes = house.writes()
    house.reconcile()
    assert house.writes() == writes, "it is not tried"
    assert house.status("support") == ("ERROR", "ID_TAKEN")
    (failing,) = failures.all_of(house.engine, "test")
    assert (failing["target"], failing["failures"]) == ("product:test:addon:support:base", 3)
    house.world.now += 3600
    house.reconcile()
    assert house.writes() == writes + 1
    (failing,) = failures.all_of(house.engine, "test")
    assert failing["until"] - from_epoch(house.world.now) == timedelta(hours=2)

    house.stripe().v1.products.delete(taken)
    house.reconcile()
    assert house.status("support") == ("ERROR", "ID_TAKEN"), "still left alone"
    session = house.session()
    by_hand.retry(session, "support", ADA)
    session.close()
    house.reconcile()
    assert house.status("support") == ("SUCCESS", "")
    assert failures.all_of(house.engine, "test") == []
