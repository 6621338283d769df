"""A subscription of more items than Stripe shows inside of an object: ten (SB 10.3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder, flat, per_unit
from sandbox.world.state import Fault
from stripe_sync.core.errors import FatalError
from tests.contract.test_stripe_shapes import call
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
FEATURES = [f"f-{number:02d}" for number in range(1, 12)]


def wide() -> WorldBuilder:
    """One customer with a plan of a flat fee and eleven features: twelve items."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    for name in FEATURES:
        world.feature(name, name.upper())
    world.plan("wide", "Wide", [flat(20), *(per_unit(name, 5) for name in FEATURES)])
    world.customer("c-1", "One", "one@example.test")
    world.subscription("s-1", "c-1", "wide", units={name: number + 1 for number, name in enumerate(FEATURES)})
    return world


def made(harness_of: Build) -> tuple[Harness, WorldBuilder]:
    small_world = wide()
    harness = harness_of(small_world)
    harness.reconcile()
    return harness, small_world


def outcomes(harness: Harness) -> set[tuple[str, str, str]]:
    """(kind, result, detail) of everything that was done to the subscription."""
    with harness.engine.connect() as connection:
        rows = connection.execute(
            text("select i.kind, o.result, o.detail from stripe_sync.journal_intent i join stripe_sync.journal_outcome o on o.intent_id = i.id "
                 "where i.kind like 'subscription.%'")
        )  # fmt: skip
        return {(row.kind, row.result, row.detail) for row in rows}


def test_every_answer_shows_ten(harness_of: Build) -> None:
    """SB 10.3: retrieve, update, list and preview; the other items are in their own list."""
    harness, _ = made(harness_of)
    (subscription,) = harness.objects("subscriptions")
    path = f"/v1/subscriptions/{subscription['id']}"
    first = subscription["items"]["data"][0]["id"]
    listed = call(harness, "GET", "/v1/subscriptions").json()["data"][0]
    for answer in (call(harness, "GET", path).json(), call(harness, "POST", path, "description=x").json(), listed):
        assert (len(answer["items"]["data"]), answer["items"]["has_more"]) == (10, True)
    rest = call(harness, "GET", "/v1/subscription_items", f"subscription={subscription['id']}&limit=100").json()
    assert len(rest["data"]) == 12
    preview = call(
        harness, "POST", "/v1/invoices/create_preview",
        f"subscription={subscription['id']}&subscription_details[items][0][id]={first}"
        "&subscription_details[items][0][quantity]=3&subscription_details[proration_behavior]=always_invoice",
    ).json()  # fmt: skip
    assert len(preview["lines"]["data"]) <= 10
    invoice = call(harness, "GET", f"/v1/invoices/{subscription['latest_invoice']}").json()
    assert (len(invoice["lines"]["data"]), invoice["lines"]["has_more"]) == (10, True)


def test_twelve_items_are_created_changed_and_ended(harness_of: Build) -> None:
    """F17, 2.8 (E2): each answer is compared with all of its items."""
    harness, small_world = made(harness_of)
    assert harness.status("s-1") == ("SUCCESS", "")
    row = small_world.stigg["subscriptions"][0]
    # The charges of the flat fee, the first and the last feature: the last is the item that no answer shows.
    row["prices"][1]["usageLimit"] = 40
    row["prices"][11]["usageLimit"] = 50
    harness.merge(small_world)
    harness.reconcile()
    (subscription,) = harness.objects("subscriptions")
    quantities = [item["quantity"] for item in subscription["items"]["data"]]
    assert quantities == [1, 40, 2, 3, 4, 5, 6, 7, 8, 9, 10, 50]
    assert harness.status("s-1") == ("SUCCESS", "")
    assert harness.plan().plan.actions == []
    harness.later(2 * 3600)  # its invoices are finalized, so that an end has nothing to wait for
    row |= {"status": "CANCELED", "cancelReason": "Immediate"}
    harness.merge(small_world)
    harness.reconcile()
    assert outcomes(harness) == {
        ("subscription.create", "done", ""),
        ("subscription.update", "done", ""),
        ("subscription.cancel", "done", ""),
    }


@pytest.mark.parametrize("feed", [False, True])
def test_a_lost_creation_of_twelve_items_is_found_whole(harness_of: Build, feed: bool) -> None:
    """F17: what an interrupted run made is compared with all of its items too, and kept so."""
    harness = harness_of(wide())
    harness.change(stripe={"feed": feed})
    harness.reconcile(entities=["product", "price", "customer"])
    harness.attempts = 1
    harness.world.faults.append(Fault("POST", "/v1/subscriptions", status=500, when="after"))
    with pytest.raises(FatalError, match="unknown outcome"):
        harness.reconcile("lost")
    harness.reconcile("next")
    assert harness.status("s-1") == ("SUCCESS", "")
    assert outcomes(harness) == {("subscription.create", "done", "")}
    assert harness.plan().plan.actions == []
