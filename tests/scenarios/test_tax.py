"""Stripe Tax (BILLING 3; the page, "Integration with Stripe Tax")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from sandbox.builder import WorldBuilder
from stripe_sync.core.errors import AccountRefused
from stripe_sync.warehouse.comparisons import statuses
from tests.house import House
from tests.metering import HOUR, MINUTE, cycle, period_end, subscription, until
from tests.scenarios.test_changes import attach_card
from tests.switches import ends

Build = Callable[[WorldBuilder], House]
BERLIN = {"country": "DE", "city": "Berlin", "line1": "x", "line2": None, "postal_code": "10115", "state": None}
ACTIVE = {"status": "active", "status_details": {"active": {}}}


def taxed(house: House) -> None:
    """Sets Stripe Tax up in Stripe, and on for the environment."""
    house.world.tax_settings = dict(ACTIVE)
    house.world.put(
        "tax_registrations",
        {"id": "taxreg_1", "object": "tax.registration", "status": "active", "country": "DE", "created": 1,
         "active_from": 1, "expires_at": None, "livemode": False, "country_options": {}},
    )  # fmt: skip
    house.change(tax=True, tax_behavior="exclusive", tax_code="txcd_10103001")


def live_in_berlin(house: House) -> None:
    for customer in house.objects("customers"):
        house.stripe().v1.customers.update(customer["id"], {"address": {k: v for k, v in BERLIN.items() if v}})


def test_with_tax_on_everything_has_its_code_and_behaviour(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    taxed(house)
    house.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(house)
    house.reconcile()
    assert {p["tax_code"] for p in house.objects("products")} == {"txcd_10103001"}
    assert {p["tax_behavior"] for p in house.objects("prices")} == {"exclusive"}
    assert {s["automatic_tax"]["enabled"] for s in house.objects("subscriptions")} == {True}
    assert house.plan().plan.actions == []


def test_a_customer_whose_location_cannot_be_used_is_that_customers_error(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    taxed(house)
    house.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(house)
    (homeless,) = [c for c in house.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-2"]
    homeless["address"] = None
    house.reconcile()
    assert house.status("c-2") == ("ERROR", "TAX_LOCATION")
    assert house.status("s-2") == ("ERROR", "TAX_LOCATION")
    assert house.status("s-1") == ("SUCCESS", "")


def test_turning_it_on_for_existing_subscriptions_is_a_group_of_its_own(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    live_in_berlin(house)
    taxed(house)
    stored = house.plan()
    groups: dict[str, list[Any]] = stored.plan.groups()
    assert len(groups["subscriptions/subscription.update/tax"]) == 3
    assert len(groups["catalog/price.update/tax"]) == 3
    house.limit(actions=2)
    house.reconcile()
    assert {s["automatic_tax"]["enabled"] for s in house.objects("subscriptions")} == {False}
    house.limit(actions=100)
    house.reconcile()
    assert {s["automatic_tax"]["enabled"] for s in house.objects("subscriptions")} == {True}
    assert house.plan().plan.actions == []


def test_a_behaviour_that_was_set_is_never_changed(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    for price in house.objects("prices"):
        price["tax_behavior"] = "inclusive"
    live_in_berlin(house)
    taxed(house)
    stored = house.plan()
    assert not [a for a in stored.plan.actions if a.kind.startswith("price")]
    assert sum("never changes" in why for why in stored.unplanned.values()) == 3


def without_an_address(house: House) -> str:
    """A taxed subscription whose customer's address is taken away before the renewal; its id in Stripe."""
    taxed(house)
    house.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(house)
    house.reconcile()
    held = subscription(house, "s-2")
    house.later(2 * HOUR)  # the first invoice is final, and was taxed
    (homeless,) = [c for c in house.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-2"]
    house.stripe().v1.customers.update(homeless["id"], {"address": ""})
    until(house, period_end(house, "s-2") + 2 * HOUR)
    return str(held["id"])


def test_tax_that_stripe_switched_off_names_the_untaxed_invoices_and_waits_for_a_person(
    house_of: Build, town: WorldBuilder
) -> None:
    """SB 17.2: a renewal without a location is finalized untaxed, and automatic tax stays off."""
    house = house_of(town)
    house.world.unknowns["missing_location_finalizes"] = True
    id = without_an_address(house)
    untaxed = cycle(house, "s-2")
    assert (untaxed["status"], untaxed["automatic_tax"]["enabled"]) == ("open", False)
    house.reconcile()
    assert house.status("s-2") == ("ERROR", "TAX_LOCATION")
    (row,) = statuses.find(house.engine, "test", "s-2")
    # 20 + 3 x 5
    assert f"Without tax: {untaxed['id']} (35.00 USD)" in row.detail
    assert house.world.stripe["subscriptions"][id]["automatic_tax"]["enabled"] is False, "its location is not good yet"
    live_in_berlin(house)
    house.reconcile()
    assert house.world.stripe["subscriptions"][id]["automatic_tax"]["enabled"] is False, "it waits for a person"
    (verdict,) = [v for v in house.plan().verdicts if v.group.endswith("/tax_again")]
    assert verdict.decision == "wait"
    assert "always waits for a person" in verdict.refusals[0]


@ends("missing_location_finalizes", yes=("open", None, False), no=("draft", "customer_tax_location_invalid", True))
def test_a_renewal_without_a_location_is_an_error_whether_or_not_it_is_finalized(
    house_of: Build, town: WorldBuilder, end: tuple[str, str | None, bool]
) -> None:
    """SB 17.2 and 17.3 (C5): untaxed, with tax switched off, or a draft that says what it lacks (SB 21.12)."""
    house = house_of(town)
    id = without_an_address(house)
    renewal = cycle(house, "s-2")
    told = (renewal["last_finalization_error"] or {}).get("code")
    assert (renewal["status"], told, house.world.stripe["subscriptions"][id]["automatic_tax"]["enabled"]) == end
    assert renewal["automatic_tax"]["status"] == ("requires_location_inputs" if told else None)
    house.reconcile()
    assert house.status("s-2") == ("ERROR", "TAX_LOCATION")


def test_automatic_tax_refuses_a_negative_item_and_one_without_tax_behaviour(
    house_of: Build, town: WorldBuilder
) -> None:
    """SB 17.4."""
    house = house_of(town)
    taxed(house)
    house.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(house)
    house.reconcile()
    until(house, period_end(house, "s-1") + MINUTE)
    draft, client = cycle(house, "s-1"), house.stripe()
    item = {"customer": draft["customer"], "invoice": draft["id"]}
    product = house.objects("products")[0]["id"]
    refused: list[Any] = [
        {"amount": -100, "currency": "usd"},
        {"price_data": {"currency": "usd", "product": product, "unit_amount_decimal": "100"}, "quantity": 1},
    ]
    for more in refused:
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.invoice_items.create({**item, **more})


def test_a_default_of_the_account_taxes_nothing_where_tax_is_off(house_of: Build, town: WorldBuilder) -> None:
    """SB 21.7: the account taxes each request that does not send automatic_tax; ours send false, previews too."""
    town.stigg["subscriptions"][0]["paymentCollectionMethod"] = "CHARGE"
    house = house_of(town)
    house.world.tax_settings = dict(ACTIVE)
    house.world.billing["automatic_tax"] = True
    house.reconcile(entities=["product", "price", "customer"])
    attach_card(house, "c-1", "4242")
    house.reconcile()
    assert house.status("s-1") == house.status("s-2") == ("SUCCESS", "")
    assert {s["automatic_tax"]["enabled"] for s in house.objects("subscriptions")} == {False}
    asked = [r.params for r in house.world.requests if r.method == "POST" and r.path == "/v1/subscriptions"]
    asked += [r.params for r in house.world.requests if r.path == "/v1/invoices/create_preview"]
    assert len(asked) > 3
    assert all(params["automatic_tax"] == {"enabled": False} for params in asked)


@pytest.mark.parametrize("missing", ["settings", "registrations"])
def test_tax_is_not_switched_on_before_stripe_tax_is_set_up(house_of: Build, town: WorldBuilder, missing: str) -> None:
    house = house_of(town)
    taxed(house)
    if missing == "settings":
        house.world.tax_settings = {}
    else:
        house.world.stripe["tax_registrations"].clear()
    with pytest.raises(AccountRefused, match="tax = true"):
        house.plan()
