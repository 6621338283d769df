"""Stripe Tax (BILLING 3; the page, "Integration with Stripe Tax")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from sandbox.builder import WorldBuilder
from stripe_sync.core.errors import AccountRefused
from stripe_sync.warehouse.comparisons import statuses
from tests.scenarios.test_changes import attach_card
from tests.support.harness import Harness
from tests.support.metering import HOUR, MINUTE, cycle, period_end, subscription, until
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]
BERLIN = {"country": "DE", "city": "Berlin", "line1": "x", "line2": None, "postal_code": "10115", "state": None}
ACTIVE = {"status": "active", "status_details": {"active": {}}}


def taxed(harness: Harness) -> None:
    """Sets Stripe Tax up in Stripe, and on for the environment."""
    harness.world.tax_settings = dict(ACTIVE)
    harness.world.put(
        "tax_registrations",
        {"id": "taxreg_1", "object": "tax.registration", "status": "active", "country": "DE", "created": 1,
         "active_from": 1, "expires_at": None, "livemode": False, "country_options": {}},
    )  # fmt: skip
    harness.change(stripe={"tax": True, "tax_behavior": "exclusive", "tax_code": "txcd_10103001"})


def live_in_berlin(harness: Harness) -> None:
    for customer in harness.objects("customers"):
        harness.stripe().v1.customers.update(customer["id"], {"address": {k: v for k, v in BERLIN.items() if v}})


def test_with_tax_on_everything_has_its_code_and_behaviour(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    taxed(harness)
    harness.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(harness)
    harness.reconcile()
    assert {p["tax_code"] for p in harness.objects("products")} == {"txcd_10103001"}
    assert {p["tax_behavior"] for p in harness.objects("prices")} == {"exclusive"}
    assert {s["automatic_tax"]["enabled"] for s in harness.objects("subscriptions")} == {True}
    assert harness.plan().plan.actions == []


def test_a_customer_whose_location_cannot_be_used_is_that_customers_error(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    taxed(harness)
    harness.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(harness)
    (homeless,) = [c for c in harness.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-2"]
    homeless["address"] = None
    harness.reconcile()
    assert harness.status("c-2") == ("ERROR", "TAX_LOCATION")
    assert harness.status("s-2") == ("ERROR", "TAX_LOCATION")
    assert harness.status("s-1") == ("SUCCESS", "")


def test_turning_it_on_for_existing_subscriptions_is_a_group_of_its_own(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    live_in_berlin(harness)
    taxed(harness)
    stored = harness.plan()
    groups: dict[str, list[Any]] = stored.plan.groups()
    assert len(groups["subscriptions/subscription.update/tax"]) == 3
    assert len(groups["catalog/price.update/tax"]) == 3
    harness.limit(actions=2)
    harness.reconcile()
    assert {s["automatic_tax"]["enabled"] for s in harness.objects("subscriptions")} == {False}
    harness.limit(actions=100)
    harness.reconcile()
    assert {s["automatic_tax"]["enabled"] for s in harness.objects("subscriptions")} == {True}
    assert harness.plan().plan.actions == []


def test_a_behaviour_that_was_set_is_never_changed(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    for price in harness.objects("prices"):
        price["tax_behavior"] = "inclusive"
    live_in_berlin(harness)
    taxed(harness)
    stored = harness.plan()
    assert not [a for a in stored.plan.actions if a.kind.startswith("price")]
    assert sum("never changes" in why for why in stored.unplanned.values()) == 3


def without_an_address(harness: Harness) -> str:
    """A taxed subscription whose customer's address is taken away before the renewal; its id in Stripe."""
    taxed(harness)
    harness.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(harness)
    harness.reconcile()
    held = subscription(harness, "s-2")
    harness.later(2 * HOUR)  # the first invoice is final, and was taxed
    (homeless,) = [c for c in harness.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-2"]
    harness.stripe().v1.customers.update(homeless["id"], {"address": ""})
    until(harness, period_end(harness, "s-2") + 2 * HOUR)
    return str(held["id"])


def test_tax_that_stripe_switched_off_names_the_untaxed_invoices_and_waits_for_a_person(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """SB 17.2: a renewal without a location is finalized untaxed, and automatic tax stays off."""
    harness = harness_of(small_world)
    harness.world.unknowns["missing_location_finalizes"] = True
    id = without_an_address(harness)
    untaxed = cycle(harness, "s-2")
    assert (untaxed["status"], untaxed["automatic_tax"]["enabled"]) == ("open", False)
    harness.reconcile()
    assert harness.status("s-2") == ("ERROR", "TAX_LOCATION")
    (row,) = statuses.find(harness.engine, "test", "s-2")
    # 20 + 3 x 5
    assert f"Without tax: {untaxed['id']} (35.00 USD)" in row.detail
    assert harness.world.stripe["subscriptions"][id]["automatic_tax"]["enabled"] is False, (
        "its location is not good yet"
    )
    live_in_berlin(harness)
    harness.reconcile()
    assert harness.world.stripe["subscriptions"][id]["automatic_tax"]["enabled"] is False, "it waits for a person"
    (guard_result,) = [v for v in harness.plan().guard_results if v.group.endswith("/tax_again")]
    assert guard_result.decision == "wait"
    assert "always waits for a person" in guard_result.refusals[0]


@ends("missing_location_finalizes", yes=("open", None, False), no=("draft", "customer_tax_location_invalid", True))
def test_a_renewal_without_a_location_is_an_error_whether_or_not_it_is_finalized(
    harness_of: Build, small_world: WorldBuilder, end: tuple[str, str | None, bool]
) -> None:
    """SB 17.2 and 17.3 (C5): untaxed, with tax switched off, or a draft that says what it lacks (SB 21.12)."""
    harness = harness_of(small_world)
    id = without_an_address(harness)
    renewal = cycle(harness, "s-2")
    message = (renewal["last_finalization_error"] or {}).get("code")
    assert (renewal["status"], message, harness.world.stripe["subscriptions"][id]["automatic_tax"]["enabled"]) == end
    assert renewal["automatic_tax"]["status"] == ("requires_location_inputs" if message else None)
    harness.reconcile()
    assert harness.status("s-2") == ("ERROR", "TAX_LOCATION")


def test_automatic_tax_refuses_a_negative_item_and_one_without_tax_behaviour(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """SB 17.4."""
    harness = harness_of(small_world)
    taxed(harness)
    harness.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(harness)
    harness.reconcile()
    until(harness, period_end(harness, "s-1") + MINUTE)
    draft, client = cycle(harness, "s-1"), harness.stripe()
    item = {"customer": draft["customer"], "invoice": draft["id"]}
    product = harness.objects("products")[0]["id"]
    refused: list[Any] = [
        {"amount": -100, "currency": "usd"},
        {"price_data": {"currency": "usd", "product": product, "unit_amount_decimal": "100"}, "quantity": 1},
    ]
    for more in refused:
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.invoice_items.create({**item, **more})


def test_a_default_of_the_account_taxes_nothing_where_tax_is_off(harness_of: Build, small_world: WorldBuilder) -> None:
    """SB 21.7: the account taxes each request that does not send automatic_tax; ours send false, previews too."""
    small_world.stigg["subscriptions"][0]["paymentCollectionMethod"] = "CHARGE"
    harness = harness_of(small_world)
    harness.world.tax_settings = dict(ACTIVE)
    harness.world.billing["automatic_tax"] = True
    harness.reconcile(entities=["product", "price", "customer"])
    attach_card(harness, "c-1", "4242")
    harness.reconcile()
    assert harness.status("s-1") == harness.status("s-2") == ("SUCCESS", "")
    assert {s["automatic_tax"]["enabled"] for s in harness.objects("subscriptions")} == {False}
    requested = [r.params for r in harness.world.requests if r.method == "POST" and r.path == "/v1/subscriptions"]
    requested += [r.params for r in harness.world.requests if r.path == "/v1/invoices/create_preview"]
    assert len(requested) > 3
    assert all(params["automatic_tax"] == {"enabled": False} for params in requested)


@pytest.mark.parametrize("missing", ["settings", "registrations"])
def test_tax_is_not_switched_on_before_stripe_tax_is_set_up(
    harness_of: Build, small_world: WorldBuilder, missing: str
) -> None:
    harness = harness_of(small_world)
    taxed(harness)
    if missing == "settings":
        harness.world.tax_settings = {}
    else:
        harness.world.stripe["tax_registrations"].clear()
    with pytest.raises(AccountRefused, match="tax = true"):
        harness.plan()
