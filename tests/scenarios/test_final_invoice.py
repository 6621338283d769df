"""The final usage invoice is on the subscription's terms, and goes out when it is proven (BILLING 7, F5, F6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault, iso
from stripe_sync.core.errors import RunStopped
from stripe_sync.reporting.tables import tables
from tests.house import House
from tests.metering import DAY, HOUR, MINUTE, ledger, lines, subscription, use
from tests.scenarios.test_month_end_endings import end_in_stigg, finals, with_card
from tests.scenarios.test_tax import live_in_berlin, taxed
from tests.switches import ends

Build = Callable[[WorldBuilder], House]


def ended(house: House, value: float = 10_000, *, without_coupon: bool = False) -> dict[str, Any]:
    """Use something, end the subscription a day after its start, and return the invoice of its last use."""
    house.reconcile()
    house.reconcile()
    house.usage()
    use(house, value, house.world.now + HOUR)
    house.later(DAY)
    end_in_stigg(house, house.world.now)
    house.later(10 * MINUTE)
    house.reconcile()
    if without_coupon:
        (coupon,) = house.objects("coupons")
        house.stripe().v1.coupons.delete(coupon["id"])
    house.usage()
    (final,) = finals(house)
    return final


def discounted(metered: WorldBuilder) -> None:
    """Half of everything, by a coupon of the subscription."""
    metered.coupon("half", percent=50)
    metered.stigg["subscriptions"][0]["coupons"] = [metered.applied("half")]


def test_a_card_that_only_the_subscription_has_pays_it(house_of: Build, metered: WorldBuilder) -> None:
    """F5; SB 12.2: Checkout puts the card on the subscription."""
    house = house_of(metered)
    with_card(house)
    house.reconcile()
    subscription(house)["default_payment_method"] = "pm_card"
    house.objects("customers")[0]["invoice_settings"]["default_payment_method"] = None
    final = ended(house)
    assert final["default_payment_method"] == "pm_card"
    house.later(2 * HOUR)
    house.usage()
    assert (final["status"], final["amount_paid"]) == ("paid", 2700)  # 10,000 x 0.27 cents


def test_terms_of_payment_are_the_subscriptions(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    house.change(days_until_due=14)
    final = ended(house)
    assert (final["collection_method"], final["due_date"]) == ("send_invoice", final["created"] + 14 * DAY)
    assert final["lines"]["data"], "filled before it is switched on"


@pytest.mark.parametrize("deleted", [False, True], ids=["live", "deleted in Stigg and Stripe"])
def test_the_coupon_of_the_subscription_is_taken_off(house_of: Build, metered: WorldBuilder, deleted: bool) -> None:
    """F6; a renewal at the same moment would have had it."""
    discounted(metered)
    house = house_of(metered)
    final = ended(house, without_coupon=deleted)
    assert (lines(final), final["total"]) == ([("10000", 2700)], 1350)
    house.later(2 * HOUR)
    house.usage()
    assert ledger(house) == {"billed": ("10000", 2700)}
    kept = [c["id"] for c in house.objects("coupons") if c["id"].startswith("stripe-sync-final-")]
    assert kept == [], "what was made for the invoice is deleted after it"


def discount_the_customer(house: House, percent: int) -> None:
    """Give the customer a discount of its own, by a coupon that a person made in Stripe."""
    house.stripe().v1.coupons.create({"id": "theirs", "percent_off": percent, "duration": "forever"})
    customer = house.objects("customers")[0]
    made = {
        "id": "di_theirs", "object": "discount", "created": house.world.now, "customer": customer["id"], "end": None,
        "checkout_session": None, "customer_account": None, "invoice": None, "invoice_item": None,
        "promotion_code": None, "source": {"type": "coupon", "coupon": "theirs"}, "start": house.world.now,
        "subscription": None, "subscription_item": None,
        "terms": {"percent_off": percent, "amount_off": None, "currency": None, "currency_options": None},
    }  # fmt: skip
    house.world.stripe["discounts"]["di_theirs"] = made
    customer["discount"] = {name: value for name, value in made.items() if name != "terms"}


def test_the_customers_own_discount_is_given_where_the_subscription_has_none(
    house_of: Build, metered: WorldBuilder
) -> None:
    """SB 3.3; a renewal has it: 10,000 x 0.27 cents less 20 % are 21.60."""
    house = house_of(metered)
    house.reconcile()
    discount_the_customer(house, 20)
    final = ended(house)
    assert (lines(final), final["total"]) == ([("10000", 2700)], 2160)
    house.later(2 * HOUR)
    house.usage()
    assert ledger(house) == {"billed": ("10000", 2700)}


def test_the_customers_own_discount_does_not_come_on_top(house_of: Build, metered: WorldBuilder) -> None:
    """Half by the subscription's coupon; the customer's 20 % are not taken as well."""
    discounted(metered)
    house = house_of(metered)
    house.reconcile()
    discount_the_customer(house, 20)
    assert ended(house)["total"] == 1350


def test_a_customers_discount_that_began_after_the_end_is_not_inherited(house_of: Build, metered: WorldBuilder) -> None:
    """SB 21.4."""
    house = house_of(metered)
    house.reconcile()
    house.reconcile()
    house.usage()
    use(house, 10_000, house.world.now + HOUR)
    house.later(DAY)
    end_in_stigg(house, house.world.now)
    house.later(10 * MINUTE)
    house.reconcile()
    discount_the_customer(house, 10)
    house.usage()
    (final,) = finals(house)
    assert final["total"] == 2700


def test_a_foreign_coupon_that_is_gone_leaves_it_to_a_person(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    house.reconcile()
    client = house.stripe()
    client.v1.coupons.create({"id": "theirs", "percent_off": 10, "duration": "forever"})
    client.v1.subscriptions.update(subscription(house)["id"], {"discounts": [{"coupon": "theirs"}]})
    client.v1.coupons.delete("theirs")
    house.reconcile()
    house.usage()
    use(house, 10_000, house.world.now + HOUR)
    house.later(DAY)
    end_in_stigg(house, house.world.now)
    house.later(10 * MINUTE)
    house.reconcile()
    found = house.usage(wakes=True)
    assert "theirs is deleted" in found["pages"][0] and "27.00 USD" in found["pages"][0]
    assert finals(house) == []
    assert ledger(house) == {"unbillable": ("10000", 2700)}


def test_less_than_stripe_charges_is_told_and_not_billed(house_of: Build, metered: WorldBuilder) -> None:
    """SB 12.7: 0.27 USD would be paid uncharged, and become a debt of somebody who gets no further invoice."""
    house = house_of(metered)
    house.reconcile()
    house.reconcile()
    house.usage()
    use(house, 100, house.world.now + HOUR)
    house.later(DAY)
    end_in_stigg(house, house.world.now)
    house.later(10 * MINUTE)
    house.reconcile()
    found = house.usage(wakes=True)
    assert "0.27 USD" in found["pages"][0]
    assert finals(house) == []
    assert ledger(house) == {"unbillable": ("100", 27)}


def test_a_half_built_one_is_not_switched_on(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    house.reconcile()
    house.reconcile()
    house.usage()
    use(house, 10_000, house.world.now + HOUR)
    house.later(DAY)
    end_in_stigg(house, house.world.now)
    house.later(10 * MINUTE)
    house.reconcile()
    house.limit(usage={"usd": "1"})
    house.usage()
    (final,) = finals(house)
    assert (lines(final), final["auto_advance"], final["automatically_finalizes_at"]) == ([], False, None)
    house.later(2 * DAY)
    assert final["status"] == "draft"


def test_one_that_a_person_stopped_stays_stopped(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    final = ended(house)
    assert final["auto_advance"]
    house.stripe().v1.invoices.update(final["id"], {"auto_advance": False})
    house.later(10 * MINUTE)
    house.usage()
    assert final["auto_advance"] is False


@ends("cancel_removes_prorations", yes=0, no=2)
def test_what_was_pending_is_billed_once_whatever_stripe_does_with_it(
    house_of: Build, town: WorldBuilder, end: int
) -> None:
    """C1: a charge and a credit that wait for the renewal, of a subscription that ends before it; what Stripe leaves is deleted."""
    house = house_of(town)
    house.change(upgrade_proration="create_prorations")
    house.reconcile()
    row = house.stigg("subscriptions", subscriptionId="s-1")
    house.later(DAY)
    row["prices"][1] |= {"usageLimit": 8, "updatedAt": iso(house.world.now)}
    house.reconcile()
    waiting = sum(i["amount"] for i in house.objects("invoiceitems") if i["invoice"] is None)
    assert waiting > 50
    end_in_stigg(house, house.world.now)
    house.later(2 * HOUR)
    house.reconcile()
    assert subscription(house)["status"] == "canceled"
    (bill,) = finals(house)
    assert (bill["total"], bill["auto_advance"]) == (waiting, True)
    assert [i for i in house.objects("invoiceitems") if i["invoice"] is None] == []
    asked = [r for r in house.world.requests if r.method == "DELETE" and r.path.startswith("/v1/invoiceitems/")]
    assert len(asked) == end


@pytest.mark.parametrize("removed", [True, False], ids=["Stripe removes prorations", "Stripe leaves them"])
def test_a_pending_credit_is_a_persons_and_never_set_off(house_of: Build, town: WorldBuilder, removed: bool) -> None:
    """C1: a downgrade's credit that waits for the renewal."""
    house = house_of(town)
    house.world.unknowns["cancel_removes_prorations"] = removed
    house.reconcile()
    row = house.stigg("subscriptions", subscriptionId="s-1")
    house.later(DAY)
    row["prices"][1] |= {"usageLimit": 1, "updatedAt": iso(house.world.now)}
    house.reconcile()
    waiting = sum(i["amount"] for i in house.objects("invoiceitems") if i["invoice"] is None)
    end_in_stigg(house, house.world.now)
    house.later(2 * HOUR)
    house.reconcile()
    assert house.status("s-1") == ("PENDING", "NEEDS_A_PERSON")
    house.reconcile()
    (credits,) = tables(house.engine, {"credits": "Credits"}, "test")
    (owed,) = credits.rows
    assert (owed["subscription"], str(owed["amount"])) == ("s-1", f"{-waiting / 100:.2f} USD")
    assert finals(house) == []
    assert [i for i in house.objects("invoiceitems") if i["invoice"] is None] == []


def changed_and_ended(house: House) -> int:
    """Leave a charge pending, end the subscription a few hours later, and return what is pending."""
    house.change(upgrade_proration="create_prorations")
    house.reconcile()
    row = house.stigg("subscriptions", subscriptionId="s-1")
    house.later(DAY)
    row["prices"][1] |= {"usageLimit": 8, "updatedAt": iso(house.world.now)}
    house.reconcile()
    waiting = sum(i["amount"] for i in house.objects("invoiceitems") if i["invoice"] is None)
    end_in_stigg(house, house.world.now)
    house.later(2 * HOUR)
    return int(waiting)


def test_a_kept_500_at_the_pending_line_leaves_nothing_uncollected(house_of: Build, town: WorldBuilder) -> None:
    """SB 7.1: what is owed is collected again in the same run, and the next run finishes the line under another key."""
    house = house_of(town)
    waiting = changed_and_ended(house)
    first = house.world.stripe["invoices"][subscription(house)["latest_invoice"]]
    assert (first["status"], first["auto_advance"]) == ("open", True)
    house.world.faults.append(Fault("POST", "/v1/invoiceitems", status=500))
    with pytest.raises(RunStopped, match="1 writes have an unknown outcome"):
        house.reconcile("cut")
    assert subscription(house)["status"] == "canceled"
    assert first["auto_advance"], "given back before anything of what was pending is written"
    (bill,) = finals(house)
    assert (bill["total"], bill["auto_advance"]) == (0, False)
    house.later(10 * MINUTE)
    house.reconcile("after")
    assert (bill["total"], bill["auto_advance"]) == (waiting, True)
    assert [i for i in house.objects("invoiceitems") if i["invoice"] is None] == []


def test_the_pending_line_has_the_tax_fields(house_of: Build, town: WorldBuilder) -> None:
    """SB 17: with automatic tax a line without tax_behavior is refused."""
    house = house_of(town)
    taxed(house)
    house.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(house)
    waiting = changed_and_ended(house)
    house.reconcile()
    (bill,) = finals(house)
    (line,) = [i for i in house.objects("invoiceitems") if i["invoice"] == bill["id"]]
    assert line["amount"] == waiting > 0
    assert (bill["automatic_tax"]["enabled"], bill["total_excluding_tax"]) == (True, waiting)
    assert bill["auto_advance"]


def test_pending_charges_that_a_person_bills_stay_in_stripe(house_of: Build, town: WorldBuilder) -> None:
    """Terms that the pipeline does not write (on_behalf_of): nothing is deleted that is not billed."""
    house = house_of(town)
    house.world.unknowns["cancel_removes_prorations"] = False
    waiting = changed_and_ended(house)
    subscription(house)["on_behalf_of"] = "acct_other"
    house.reconcile()
    assert subscription(house)["status"] == "canceled"
    assert finals(house) == []
    assert sum(i["amount"] for i in house.objects("invoiceitems") if i["invoice"] is None) == waiting
    assert house.status("s-1") == ("PENDING", "NEEDS_A_PERSON")
