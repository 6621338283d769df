"""Cancellations in the sandbox, and terms of one-off invoices; each switch with both answers."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.billing import renewals
from sandbox.builder import WorldBuilder
from sandbox.resources.stripe import cancellation, invoiceitems, invoices, people, prices, products, subscriptions
from sandbox.resources.stripe.routes import Call
from sandbox.world.refusal import StripeRefusal
from sandbox.world.state import Obj, World, from_document

HOUR, DAY = 3600, 86_400


def call(world: World, *ids: str, **params: Any) -> Call:
    return Call(world, list(ids), params, "req_1", None)


@pytest.fixture
def world() -> World:
    """A customer with a card and a product."""
    builder = WorldBuilder()
    builder.customer("c-1", "Customer 1", "c1@example.test")
    made = from_document(builder.document())
    products.create_product(call(made, id="prod_1", name="One"))
    return made


def price(world: World, amount: int) -> str:
    made = prices.create_price(call(
        world, currency="usd", product="prod_1", unit_amount_decimal=str(amount), recurring={"interval": "month"},
    ))  # fmt: skip
    return str(made["id"])


def customer(world: World) -> str:
    made = people.create_customer(call(world, name="Ann"))
    card = world.put("payment_methods", {
        "id": f"pm_{made['id']}", "object": "payment_method", "created": world.now, "customer": made["id"],
        "type": "card", "card": {"last4": "4242", "exp_month": 12, "exp_year": 2035}, "livemode": False, "metadata": {},
    })  # fmt: skip
    made["invoice_settings"]["default_payment_method"] = card["id"]
    return str(made["id"])


def subscribe(world: World, owner: str, amount: int = 1000, **more: Any) -> Obj:
    items = [{"price": price(world, amount), "quantity": 1}]
    return subscriptions.create_subscription(call(world, customer=owner, items=items, **more))


def cancel(world: World, subscription: Obj, **params: Any) -> Obj:
    return cancellation.cancel_subscription(call(world, subscription["id"], **params))


def later(world: World, seconds: int) -> None:
    renewals.advance(world, world.now + seconds, lambda *event: None)


def newest(world: World, subscription: Obj) -> Obj:
    return world.stripe["invoices"][subscription["latest_invoice"]]


def renewed(world: World, **more: Any) -> Obj:
    """Return a subscription in the hour of its renewal's draft."""
    found = subscribe(world, customer(world), **more)
    later(world, found["items"]["data"][0]["current_period_end"] - world.now + 60)
    return found


def test_the_draft_of_a_renewal_is_stopped_and_never_finalized(world: World) -> None:
    """SB 2.1, 2.2."""
    found = renewed(world)
    draft = newest(world, found)
    cancel(world, found)
    assert (draft["auto_advance"], draft["automatically_finalizes_at"], draft["next_payment_attempt"]) == (
        False, None, None,
    )  # fmt: skip
    later(world, 60 * DAY)
    assert draft["status"] == "draft"


@pytest.mark.parametrize("advances", [True, False])
def test_the_draft_of_a_renewal_goes_on_where_finalized_invoices_alone_are_stopped(
    world: World, advances: bool
) -> None:
    """SB 2.1, the other source of contradiction C3: the draft keeps its time, may be moved on, and is charged."""
    world.unknowns |= {"cancel_stops_drafts": False, "canceled_draft_advances": advances}
    found = renewed(world)
    draft = newest(world, found)
    moment = draft["automatically_finalizes_at"]
    cancel(world, found)
    assert (draft["auto_advance"], draft["automatically_finalizes_at"]) == (True, moment)
    invoices.update_invoice(call(world, draft["id"], auto_advance=True))
    later(world, 2 * HOUR)
    assert (draft["status"], draft["amount_paid"]) == ("paid", 1000)


@pytest.mark.parametrize(("whole_customer", "collected"), [(True, False), (False, True)])
def test_open_invoices_of_the_customer(world: World, whole_customer: bool, collected: bool) -> None:
    """SB contradiction C3: the open invoice of another subscription of the customer."""
    world.unknowns["cancel_stops_customer"] = whole_customer
    owner = customer(world)
    found, other = subscribe(world, owner), subscribe(world, owner, collection_method="send_invoice", days_until_due=30)
    later(world, 2 * HOUR)
    open_one = newest(world, other)
    assert (open_one["status"], open_one["auto_advance"]) == ("open", True)
    cancel(world, found)
    assert open_one["auto_advance"] is collected


def test_a_draft_of_another_subscription_goes_on(world: World) -> None:
    """SB 2.1: drafts are stopped by subscription."""
    owner = customer(world)
    found, other = subscribe(world, owner), subscribe(world, owner, collection_method="send_invoice", days_until_due=30)
    cancel(world, found)
    assert newest(world, other)["auto_advance"]


def test_a_second_cancellation_is_404(world: World) -> None:
    """FACTS_A 38."""
    found = subscribe(world, customer(world))
    cancel(world, found)
    with pytest.raises(StripeRefusal) as refused:
        cancel(world, found)
    assert (refused.value.status, refused.value.body["error"]["code"]) == (404, "resource_missing")


def test_canceled_without_parameters(world: World) -> None:
    """FACTS_A 35: no invoice, items and their periods stay."""
    found = subscribe(world, customer(world))
    before = found["latest_invoice"]
    cancel(world, found)
    assert (found["status"], found["latest_invoice"]) == ("canceled", before)
    assert found["canceled_at"] == found["ended_at"] == world.now
    assert (found["cancel_at"], found["cancel_at_period_end"]) == (None, False)
    assert found["cancellation_details"]["reason"] == "cancellation_requested"
    assert found["items"]["data"]


def test_prorate_alone_leaves_one_credit_that_belongs_to_no_subscription(world: World) -> None:
    """FACTS_A 4, 30, 34; SB 2.6; F27."""
    found = subscribe(world, customer(world))
    before = found["latest_invoice"]
    later(world, 2)
    cancel(world, found, prorate=True)
    (item,) = world.stripe["invoiceitems"].values()
    assert (item["amount"], item["parent"], item["proration"], item["invoice"]) == (-1000, None, True, None)
    assert "proration_details" not in item
    assert found["latest_invoice"] == before


def test_the_last_invoice_is_a_draft_that_is_not_stopped(world: World) -> None:
    """FACTS_A 32, 33; FACTS_B 75, 76."""
    found = subscribe(world, customer(world))
    began = world.now
    later(world, 2)
    cancel(world, found, prorate=True, invoice_now=True)
    last = newest(world, found)
    assert (last["status"], last["billing_reason"], last["auto_advance"]) == ("draft", "subscription_cycle", True)
    assert (last["attempted"], last["number"], last["effective_at"]) == (False, None, None)
    assert (last["total"], last["amount_due"]) == (-1000, 0)
    assert last["next_payment_attempt"] - last["created"] == 3600
    assert last["automatically_finalizes_at"] - last["created"] == 3601
    assert (last["period_start"], last["period_end"]) == (began, found["canceled_at"])
    assert [line["period"]["start"] for line in last["lines"]["data"]] == [found["canceled_at"]]
    assert [i for i in world.stripe["invoiceitems"].values() if i["invoice"] is None] == []


@pytest.mark.parametrize(("to_balance", "status", "balance"), [(False, "uncollectible", 0), (True, "paid", -1000)])
def test_a_negative_last_invoice(world: World, to_balance: bool, status: str, balance: int) -> None:
    """SB 2.7, contradiction C2."""
    world.unknowns["negative_last_to_balance"] = to_balance
    found = subscribe(world, customer(world))
    later(world, 2)
    cancel(world, found, prorate=True, invoice_now=True)
    later(world, 6)
    assert newest(world, found)["status"] == ("draft" if to_balance else "uncollectible")
    later(world, 2 * HOUR)
    assert newest(world, found)["status"] == status
    assert world.stripe["customers"][found["customer"]]["balance"] == balance


@pytest.mark.parametrize(("removed", "left"), [(True, 0), (False, 2)])
def test_pending_prorations_at_a_cancellation_with_neither_flag(world: World, removed: bool, left: int) -> None:
    """SB 2.4, 21.10, contradiction C1."""
    world.unknowns["cancel_removes_prorations"] = removed
    found = subscribe(world, customer(world))
    items = [{"id": found["items"]["data"][0]["id"], "price": price(world, 3000)}]
    subscriptions.update_subscription(call(world, found["id"], items=items, proration_behavior="create_prorations"))
    assert len(world.stripe["invoiceitems"]) == 2
    cancel(world, found)
    assert len(world.stripe["invoiceitems"]) == left


def test_an_item_that_a_person_made_survives(world: World) -> None:
    """SB 2.5."""
    owner = customer(world)
    found = subscribe(world, owner)
    invoiceitems.create_invoice_item(call(world, customer=owner, amount=700, currency="usd"))
    cancel(world, found)
    assert [i["amount"] for i in world.stripe["invoiceitems"].values()] == [700]


@pytest.mark.parametrize("taken", [True, False])
def test_switching_the_draft_of_a_canceled_subscription_on_again(world: World, taken: bool) -> None:
    """SB 2.2: documented, not recorded."""
    world.unknowns["canceled_draft_advances"] = taken
    found = renewed(world)
    draft = newest(world, found)
    cancel(world, found)
    again = call(world, draft["id"], auto_advance=True)
    if taken:
        invoices.update_invoice(again)
        later(world, 2 * HOUR)
        assert draft["status"] == "paid"
    else:
        with pytest.raises(StripeRefusal, match="canceled"):
            invoices.update_invoice(again)
        assert draft["auto_advance"] is False


def test_a_deleted_customer_stops_the_drafts_as_well(world: World) -> None:
    """SB 2.13 and 2.1."""
    found = renewed(world)
    people.delete_customer(call(world, found["customer"]))
    assert (found["status"], newest(world, found)["auto_advance"]) == ("canceled", False)


def test_an_open_invoice_stays_open(world: World) -> None:
    """SB 2.10: it is neither voided nor closed."""
    found = subscribe(world, customer(world), collection_method="send_invoice", days_until_due=30)
    later(world, 2 * HOUR)
    cancel(world, found)
    assert (newest(world, found)["status"], newest(world, found)["auto_advance"]) == ("open", False)


def coupon(world: World, id: str, percent: int) -> str:
    world.put("coupons", {
        "id": id, "object": "coupon", "created": world.now, "percent_off": percent, "amount_off": None, "currency": None,
        "currency_options": None, "duration": "forever", "duration_in_months": None, "times_redeemed": 0, "valid": True,
        "livemode": False, "metadata": {}, "name": None, "max_redemptions": None, "redeem_by": None,
    })  # fmt: skip
    return id


def draft(world: World, owner: str, **params: Any) -> Obj:
    made = invoices.create_invoice(call(world, customer=owner, currency="usd", **params))
    price = {"currency": "usd", "product": "prod_1", "unit_amount_decimal": "1000"}
    invoiceitems.create_invoice_item(call(world, customer=owner, invoice=made["id"], price_data=price))
    return world.stripe["invoices"][made["id"]]


@pytest.mark.parametrize(
    ("given", "total"), [({}, 900), ({"discounts": ""}, 1000), ({"discounts": [{"coupon": "half"}]}, 500)]
)
def test_discounts_of_the_customer_are_inherited_unless_said(world: World, given: Obj, total: int) -> None:
    """SB 21.4."""
    owner = customer(world)
    coupon(world, "half", 50), coupon(world, "tenth", 10)
    first = draft(world, owner, discounts=[{"coupon": "tenth"}])
    world.stripe["customers"][owner]["discount"] = first["discounts"][0]
    assert draft(world, owner, **given)["total"] == total


def test_manual_rates_do_not_go_with_automatic_tax(world: World) -> None:
    """SB 3.4."""
    with pytest.raises(StripeRefusal, match="default_tax_rates"):
        draft(world, customer(world), automatic_tax={"enabled": True}, default_tax_rates=["txr_1"])
