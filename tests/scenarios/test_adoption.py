"""Cut-over from the native integration, link suggestions, exemptions and manual commands (BILLING 10 and 11, DESIGN 7)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat, per_unit
from sandbox.world.state import World
from stripe_sync.core.errors import ConfigurationError, FatalError
from stripe_sync.jobs.runtime import manual_actions as by_hand
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.warehouse import manual_actions
from stripe_sync.warehouse.comparisons import link_suggestions
from tests.support.harness import Harness
from tests.support.shell import ENFORCE, LIMITS, TOML, command, environ

Build = Callable[[WorldBuilder], Harness]
ME = Operator("ada", "a reason")
URL = "https://app.stigg.io/sandbox"
SUGGESTED = ("PENDING", "CANDIDATE")


def native(harness: Harness) -> None:
    """Fills Stripe as Stigg's own integration does: its ids, its metadata, its names; Stigg names what it made."""
    api = harness.stripe()
    world: World = harness.world
    made: dict[str, str] = {}
    packages = [("plans", "Plan", p) for p in world.stigg["plans"]]
    packages += [("addons", "Add-on", a) for a in world.stigg["addons"]]
    for path, suffix, plan in packages:
        several = len(plan["prices"]) > 1
        name = f"Acme {plan['displayName']} {suffix}"
        metadata = {"stiggEntityId": plan["refId"], "stiggEntityUrl": f"{URL}/{path}/{plan['refId']}"}
        product = api.v1.products.create({"name": name, "metadata": metadata})
        plan["billingId"] = product.id
        for price in plan["prices"]:
            charge = price.get("feature", {}).get("refId")
            label = "Seats" if charge else "Base fee"
            own = api.v1.products.create({"name": f"{name} - {label}", "metadata": metadata}) if several else product
            row = api.v1.prices.create(
                {
                    "product": own.id,
                    "currency": price["price"]["currency"].lower(),
                    "unit_amount": int(price["price"]["amount"] * 100),
                    "recurring": {"interval": "month"},
                    "metadata": {"stiggEntityId": price["id"]},
                }
            )
            price["billingId"] = made[price["id"]] = row.id
    for customer in world.stigg["customers"]:
        id = customer["customerId"]
        row = api.v1.customers.create(
            {
                "name": customer["name"],
                "email": customer["email"],
                "metadata": {"stiggCustomerId": id, "stiggEntityUrl": f"{URL}/customers/{id}"},
            }
        )
        customer["billingId"] = row.id
    for subscription in world.stigg["subscriptions"]:
        id = subscription["subscriptionId"]
        customer = harness.stigg("customers", customerId=subscription["customer"]["customerId"])
        items = [
            {"price": made[part["price"]["id"]], "quantity": part["usageLimit"] or 1} for part in subscription["prices"]
        ]
        row = api.v1.subscriptions.create(
            {
                "customer": customer["billingId"],
                "items": items,
                "collection_method": "send_invoice",
                "days_until_due": 30,
                "billing_mode": {"type": "classic"},
                "metadata": {"stiggEntityId": id, "stiggEntityUrl": f"{URL}/subscriptions/{id}"},
            }
        )
        subscription["billingId"] = row.id


def cut_over(harness_of: Build, small_world: WorldBuilder) -> Harness:
    small_world.plan("solo", "Solo", [flat(7)])
    small_world.subscription("s-solo", "c-1", "solo")
    harness = harness_of(small_world)
    native(harness)
    return harness


def shape(harness: Harness) -> str:
    """Everything in Stripe that may cost anything or be seen by a customer: all but metadata, lookup keys, descriptions."""
    rows = json.loads(harness.frozen())
    for collection in rows.values():
        for row in collection.values():
            for name in ("metadata", "lookup_key", "description", "default_price", "updated"):
                row.pop(name, None)
            for item in (row.get("items") or {}).get("data", []):
                item["price"] = item["plan"] = item["price"]["id"]
    return json.dumps(rows, sort_keys=True)


def test_an_environment_that_the_native_integration_filled_is_adopted_without_a_write_beyond_metadata(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = cut_over(harness_of, small_world)
    before = shape(harness)
    harness.change(modes={})
    stored = harness.plan()
    assert {v.decision for v in stored.guard_results} == {"observe"}
    money = [a for a in stored.plan.actions if a.due_now or any(a.per_month.values())]
    assert money == []
    adopted = [a for a in stored.plan.actions if a.lane != "catalog" or a.kind == "price.update"]
    assert {a.cause for a in adopted} == {"adoption"}

    harness.change(modes=dict.fromkeys(("catalog", "customers", "subscriptions"), "enforce"))
    harness.reconcile()
    assert {s["billing_mode"]["type"] for s in harness.objects("subscriptions")} == {"classic"}
    kinds = {c: len(harness.objects(c)) for c in ("prices", "customers", "subscriptions", "invoices")}
    assert kinds == {"prices": 4, "customers": 3, "subscriptions": 4, "invoices": 4}, "nothing was made twice"
    assert harness.plan().plan.actions == []
    extra = [p for p in harness.objects("products") if p["id"].startswith("test:")]
    assert extra == [], "a charge's product is the native one"
    assert shape(harness) == before
    for id in ("pro", "solo", "c-1", "s-1", "s-solo"):
        assert harness.status(id) == ("SUCCESS", "")


def test_an_adopted_plan_with_one_charge_keeps_its_price_on_the_plans_product(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = cut_over(harness_of, small_world)
    harness.reconcile()
    small_world.plan("solo", "Solo", [flat(9)], version=2)
    solo = next(p for p in harness.world.stigg["plans"] if p["refId"] == "solo")
    harness.world.stigg["plans"].append({**small_world.stigg["plans"][-1], "billingId": solo["billingId"]})
    solo["isLatest"] = False
    harness.reconcile()
    (price,) = [p for p in harness.objects("prices") if p["unit_amount"] == 900]
    assert price["lookup_key"] == "test:plan:solo:base:monthly:default"
    assert harness.plan().plan.actions == []


def test_what_one_side_alone_says_makes_a_candidate_and_nothing_new(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = cut_over(harness_of, small_world)
    for customer in harness.objects("customers"):
        if customer["metadata"].get("stiggCustomerId") == "c-2":
            customer["metadata"] = {}
    harness.reconcile()
    assert harness.status("c-2") == SUGGESTED
    assert harness.status("s-2") == SUGGESTED
    assert len(harness.objects("customers")) == 3
    (row,) = [r for r in link_suggestions.all_of(harness.engine, "test") if r["key"] == "customer:test:c-2"]
    assert "does not name" in row["why"]
    session = harness.session()
    by_hand.link(session, "customer", "c-2", row["stripe_id"], ME)
    session.close()
    harness.reconcile()
    assert harness.status("c-2") == ("SUCCESS", "")
    assert harness.status("s-2") == ("SUCCESS", "")


def test_an_object_that_stripes_metadata_alone_names_is_a_link_suggestion_and_is_not_billed_twice(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = cut_over(harness_of, small_world)
    harness.stigg("customers", customerId="c-2")["billingId"] = None
    for row in harness.world.stigg["subscriptions"]:
        row["billingId"] = None
    harness.reconcile()
    assert (len(harness.objects("customers")), len(harness.objects("subscriptions"))) == (3, 4)
    assert harness.status("c-2") == SUGGESTED
    assert {harness.status(id) for id in ("s-1", "s-2", "s-3", "s-solo")} == {SUGGESTED}
    held = {row["metadata"].get("stiggEntityId"): row["id"] for row in harness.objects("subscriptions")}
    found = {row["key"]: row for row in link_suggestions.all_of(harness.engine, "test")}
    assert found["subscription:test:s-1"]["stripe_id"] == held["s-1"]
    session = harness.session()
    by_hand.link(session, "subscription", "s-1", held["s-1"], ME)
    session.close()
    unnamed = {"stiggEntityId": "", "stiggEntityUrl": ""}
    harness.stripe().v1.subscriptions.update(held["s-3"], {"metadata": unnamed})
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", "")
    assert harness.status("s-3") == ("SUCCESS", ""), "nothing names it any more: it is made"
    assert harness.status("s-solo") == SUGGESTED


def test_two_stigg_customers_on_one_stripe_customer_are_reported(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = cut_over(harness_of, small_world)
    first, second = (harness.stigg("customers", customerId=id) for id in ("c-1", "c-2"))
    held = harness.world.stripe["customers"][first["billingId"]]
    held["metadata"] = {"stiggCustomerId": "c-1", "stiggEntityId": "c-2"}
    second["billingId"] = first["billingId"]
    harness.reconcile()
    assert harness.status("c-1") == harness.status("c-2") == SUGGESTED


def test_an_object_with_stiggs_metadata_that_is_newer_than_our_first_write_stops_the_environment(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    harness.world.now += 60
    harness.stripe().v1.customers.create({"name": "x", "metadata": {"stiggCustomerId": "c-9", "stiggEntityUrl": "u"}})
    writes = harness.writes()
    with pytest.raises(FatalError, match="another integration syncs"):
        harness.reconcile()
    assert harness.writes() == writes


def test_billing_ids_that_vanished_stop_the_environment(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = cut_over(harness_of, small_world)
    harness.reconcile()
    for row in (*harness.world.stigg["customers"], *harness.world.stigg["subscriptions"]):
        row["billingId"] = None
    with pytest.raises(FatalError, match="lost the billing ids"):
        harness.reconcile()


def test_an_adopted_coupon_and_its_discount_are_not_attached_again(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.coupon("half", percent=50)
    small_world.stigg["subscriptions"][0]["coupons"] = [small_world.applied("half")]
    harness = harness_of(small_world)
    native(harness)
    coupon = harness.stripe().v1.coupons.create(
        {"percent_off": 50, "duration": "forever", "name": "Half", "metadata": {"stiggEntityId": "half"}}
    )
    harness.stigg("coupons", refId="half")["billingId"] = coupon.id
    (found,) = [s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    harness.stripe().v1.subscriptions.update(found["id"], {"discounts": [{"coupon": coupon.id}]})
    before = list(found["discounts"])
    harness.reconcile()
    assert found["discounts"] == before
    assert harness.plan().plan.actions == []
    found["discounts"] = []
    assert harness.plan().plan.actions == [], "gone after it was attached: consumed"


def test_an_exempt_object_is_shown_as_accepted_and_never_written(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    (customer,) = [c for c in harness.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-1"]
    harness.stripe().v1.customers.update(customer["id"], {"name": "By hand", "metadata": {"stiggSync": "ignore"}})
    rows = harness.drift()
    assert [(r.accepted, r.field) for r in rows] == [(True, "name")]
    harness.reconcile()
    assert customer["name"] == "By hand"


def test_the_hand_tools_by_their_commands(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    env = environ(harness, TOML + ENFORCE + LIMITS.replace('"9999"', '"99999"'))
    assert command(env, "apply", "test", "--yes").returncode == 0
    (customer,) = [c for c in harness.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-1"]
    harness.stripe().v1.customers.update(customer["id"], {"name": "By hand"})

    no_reason = command(env, "ignore", "test", "customer", "c-1")
    assert (no_reason.returncode, "--reason" in no_reason.stderr) == (1, True)
    assert command(env, "ignore", "test", "customer", "c-1", "--reason", "their wish").returncode == 0
    assert command(env, "apply", "test", "--yes").returncode == 0
    assert customer["name"] == "By hand"
    again = command(env, "resync", "test", "customer", "c-1", "--reason", "no longer")
    assert again.returncode == 0, again.stderr
    assert customer["name"] == "Customer 1"

    assert command(env, "unlink", "test", "customer", "c-3", "--reason", "wrong one", "--by", "ada").returncode == 0
    unknown = command(env, "unlink", "test", "customer", "c-99", "--reason", "x")
    assert (unknown.returncode, "is not linked" in unknown.stderr) == (1, True)
    done = [(row["command"], row["person"] == "ada") for row in manual_actions.all_of(harness.engine, "test")]
    assert done == [("unlink", True), ("resync", False), ("ignore", False)]


def test_what_a_person_unlinked_is_not_linked_again_by_its_mark(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    session = harness.session()
    by_hand.unlink(session, "subscription", "s-3", ME)
    by_hand.unlink(session, "customer", "c-3", ME)
    session.close()
    stored = harness.plan(entities=["customer"])
    assert [(a.kind, a.target) for a in stored.plan.actions] == [("customer.create", "customer:test:c-3")]


def test_a_link_is_refused_where_it_would_be_wrong(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    foreign_customer = harness.stripe().v1.customers.create({"name": "A foreign customer"})
    taken = next(c["id"] for c in harness.objects("customers") if c["metadata"].get("stiggCustomerId") == "c-2")
    session = harness.session()
    for kind, id, stripe_id, why in (
        ("customer", "c-1", foreign_customer.id, "Unlink it first"),
        ("customer", "c-9", foreign_customer.id, "saw no customer"),
        ("customer", "c-1", "cus_none", "Stripe has no"),
        ("customer", "c-1", taken, "has the ownership marker of"),
        ("coupon", "x", "x", "linked by id"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            by_hand.link(session, kind, id, stripe_id, ME)
    session.close()


def test_the_brake_stops_every_write_and_is_taken_off_again(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    session = harness.session()
    by_hand.pause(session, "customers", ME)
    result = harness.reconcile()
    assert (result["results"]["paused"], harness.objects("customers")) == (3, [])
    by_hand.resume(session, "customers", ME)
    session.close()
    harness.reconcile()
    assert len(harness.objects("subscriptions")) == 3


def test_drift_says_since_when_and_where_to_look(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.stigg["customers"][0]["name"] = "Renamed"
    small_world.plan("pro", "Pro", [flat(20), per_unit("seats", 5)])
    harness.merge(small_world)
    (first, *_) = [r for r in harness.drift() if r.field == "name"]
    harness.world.now += 600
    (second, *_) = [r for r in harness.drift() if r.field == "name"]
    assert first.since == second.since == "2026-11-16T09:00:00+00:00"
    assert first.stripe_url == f"https://dashboard.stripe.com/test/customers/{first.stripe_id}"
    assert first.stigg_url == "https://app.stigg.io/test/customers/c-1"
