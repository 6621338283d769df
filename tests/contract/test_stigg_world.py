"""Behaviour of Stigg: limits, pages, one paid subscription per customer and resource, plan changes, resets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from sandbox.builder import WorldBuilder, flat, per_unit, usage
from sandbox.resources.stigg.changes import change_plan
from sandbox.server.run import running
from sandbox.world.state import World, from_document, iso

Obj = dict[str, Any]
SUBSCRIPTIONS = (
    "query L($paging: CursorPaging!) { customerSubscriptions(paging: $paging) { edges { node { subscriptionId } } } }"
)
CANCEL = "mutation C($input: SubscriptionCancellationInput!) { cancelSubscription(input: $input) { id } }"
UPDATE = "mutation U($input: UpdateCustomerInput!) { updateOneCustomer(input: $input) { id } }"
PROVISION = """mutation P($input: ProvisionSubscriptionInput!) {
  provisionSubscriptionV2(input: $input) { subscription { subscriptionId status } } }"""
HISTORY = """query H($input: UsageHistoryV2Input!) {
  usageHistoryV2(input: $input) { markers { type timestamp } series { points { timestamp value isResetPoint } } } }"""


def small_world() -> WorldBuilder:
    """Plans of each kind, and a customer with a paid subscription that began three hours ago."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("seats", "Seats")
    world.feature("calls", "Calls", meterType="Incremental")
    world.plan("pro", "Pro", [flat(20), per_unit("seats", 5), usage("calls", 0.01)])
    world.plan("big", "Big", [flat(90)])
    world.plan("free", "Free", [], pricing="FREE")
    world.plan("custom", "Custom", [], pricing="CUSTOM")
    world.customer("c-1", "Customer", "c@example.test")
    return world


@contextmanager
def stigg(builder: WorldBuilder, **limits: float) -> Iterator[tuple[World, Any]]:
    """A sandbox on a world, and how to ask its Stigg: (status, body) of a document and its variables."""
    document = builder.document()
    document["stigg"]["limits"] = limits
    world = from_document(document)
    with running(world) as (_, url), httpx.Client(headers={"x-api-key": "server-sandbox"}, verify=False) as http:

        def ask(query: str, **variables: Any) -> tuple[httpx.Response, Obj]:
            answer = http.post(f"{url}/graphql", json={"query": query, "variables": variables})
            return answer, answer.json()

        yield world, ask


def test_a_mutation_too_many_is_429_without_a_time_to_come_back() -> None:
    """SB 18.1: 250 a minute of each mutation; here 3."""
    with stigg(small_world(), mutation=3) as (_, ask):
        for number in range(3):
            answer, _ = ask(UPDATE, input={"customerId": "c-1", "name": f"Name {number}"})
            assert answer.status_code == 200
        answer, body = ask(UPDATE, input={"customerId": "c-1", "name": "One too many"})
        assert (answer.status_code, body["errors"][0]["extensions"]["code"]) == (429, "RateLimitExceeded")
        assert "retry-after" not in answer.headers
        answer, _ = ask(SUBSCRIPTIONS, paging={"first": 1})
        assert answer.status_code == 200, "each operation has a limit of its own"


def test_an_entity_has_a_limit_of_its_own() -> None:
    """SB 18.1: 30 mutations a minute of one entity; here 2."""
    builder = small_world()
    builder.customer("c-2")
    with stigg(builder, entity=2) as (_, ask):
        statuses = [ask(UPDATE, input={"customerId": "c-1", "name": str(n)})[0].status_code for n in range(3)]
        assert statuses == [200, 200, 429]
        assert ask(UPDATE, input={"customerId": "c-2", "name": "Another"})[0].status_code == 200


def test_the_limits_are_on_unless_the_world_says_otherwise() -> None:
    with stigg(small_world()) as (_, ask):
        statuses = [ask(UPDATE, input={"customerId": "c-1", "name": str(n)})[0].status_code for n in range(31)]
        assert statuses == [200] * 30 + [429]


@pytest.mark.parametrize("clamps", [False, True])
def test_a_page_too_large_is_refused_or_cut(clamps: bool) -> None:
    """SB 18.3: the largest page is not published, and whether a larger one is refused neither."""
    builder = small_world()
    for number in range(60):
        builder.subscription(f"s-{number}", "c-1", "pro")
    with stigg(builder) as (world, ask):
        world.unknowns["stigg_pages_clamp"] = clamps
        _, body = ask(SUBSCRIPTIONS, paging={"first": 60})
        if clamps:
            assert len(body["data"]["customerSubscriptions"]["edges"]) == 50
        else:
            assert body["errors"][0]["extensions"]["code"] == "BadUserInput"


@pytest.mark.parametrize(("resource", "ended"), [(None, True), ("r-1", False)])
def test_a_new_paid_subscription_ends_the_one_of_the_same_customer_and_resource(
    resource: str | None, ended: bool
) -> None:
    """SB 18.8: one active subscription that is no trial a (customer, resource)."""
    builder = small_world()
    builder.subscription("s-1", "c-1", "pro")
    given = {"customerId": "c-1", "planId": "big", "subscriptionId": "s-2"}
    with stigg(builder) as (world, ask):
        _, body = ask(PROVISION, input=given | ({"resourceId": resource} if resource else {}))
        assert "errors" not in body
        (old,) = [s for s in world.stigg["subscriptions"] if s["subscriptionId"] == "s-1"]
        assert (old["status"] == "CANCELED") is ended
        (new,) = [s for s in world.stigg["subscriptions"] if s["subscriptionId"] == "s-2"]
        if ended:
            assert old["effectiveEndDate"] == new["startDate"]


MATRIX = [
    ("free", "pro", False), ("free", "custom", False), ("custom", "pro", False),
    ("pro", "free", True), ("pro", "custom", True), ("custom", "free", True),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "in_place"), MATRIX)
def test_the_migration_matrix(before: str, after: str, in_place: bool) -> None:
    """SB 18.9: which changes of plan keep the subscription."""
    builder = small_world()
    builder.subscription("s-1", "c-1", before)
    world = from_document(builder.document())
    row = change_plan(world, "s-1", after)
    assert (row["subscriptionId"] == "s-1") is in_place
    assert row["plan"]["refId"] == after
    (old,) = [s for s in world.stigg["subscriptions"] if s["subscriptionId"] == "s-1"]
    assert old["status"] == ("ACTIVE" if in_place else "CANCELED")


@pytest.mark.parametrize("keeps", [False, True])
def test_paid_to_paid_is_as_the_world_says(keeps: bool) -> None:
    builder = small_world()
    builder.subscription("s-1", "c-1", "pro")
    world = from_document(builder.document())
    world.unknowns["plan_change_keeps_id"] = keeps
    assert (change_plan(world, "s-1", "big")["subscriptionId"] == "s-1") is keeps


def test_usage_begins_again_at_a_change_of_plan_and_the_marker_says_so() -> None:
    """SB 18.5: the last point alone would lose usage before the change."""
    builder = small_world()
    builder.subscription("s-1", "c-1", "pro")
    builder.use("c-1", "calls", 70, builder.now - 7200)
    builder.reset("c-1", "calls", builder.now - 3600)
    builder.use("c-1", "calls", 5, builder.now - 1800)
    window = {
        "startDate": iso(builder.now - 10_800),
        "endDate": iso(builder.now + 10),
        "includeInactiveSubscriptions": True,
    }
    with stigg(builder) as (world, ask):
        change_plan(world, "s-1", "big", subscriptionId="s-2")
        _, body = ask(HISTORY, input={"customerId": "c-1", "featureId": "calls", **window})
        found = body["data"]["usageHistoryV2"]
        assert [m["type"] for m in found["markers"]] == ["PERIODIC_RESET", "SUBSCRIPTION_CHANGE_RESET"]
        values = [(p["value"], p["isResetPoint"]) for p in found["series"][0]["points"]]
        assert values == [(70, False), (0, True), (5, False), (0, True)]


def test_usage_of_ended_subscriptions_is_shown_only_when_it_is_asked_for() -> None:
    """SB 18.4: usage before the plan change belongs to the ended subscription."""
    builder = small_world()
    builder.subscription("s-1", "c-1", "pro")
    builder.use("c-1", "calls", 70, builder.now - 7200)
    window = {"startDate": iso(builder.now - 10_800), "endDate": iso(builder.now + 10)}
    with stigg(builder) as (world, ask):
        given = {"customerId": "c-1", "featureId": "calls", **window}
        assert ask(HISTORY, input=given)[1]["data"]["usageHistoryV2"]["series"] != []
        change_plan(world, "s-1", "big", subscriptionId="s-2")
        _, body = ask(HISTORY, input=given)
        assert [p["value"] for s in body["data"]["usageHistoryV2"]["series"] for p in s["points"]] == [0]
        _, body = ask(HISTORY, input=given | {"includeInactiveSubscriptions": True})
        assert [p["value"] for p in body["data"]["usageHistoryV2"]["series"][0]["points"]] == [70, 0]
