"""The final usage invoice is on the subscription's terms, and goes out when it is proven (BILLING 7, F5, F6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault, iso
from stripe_sync.core.errors import FatalError
from stripe_sync.reporting.tables import tables
from tests.scenarios.test_month_end_endings import end_in_stigg, finals, with_card
from tests.scenarios.test_tax import live_in_berlin, taxed
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, ledger, lines, subscription, use
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def end_after_use(harness: Harness, value: float) -> None:
    """Reconcile, use a quantity, end the subscription in Stigg a day later, and cancel it in Stripe."""
    harness.reconcile()
    harness.usage()
    use(harness, value, harness.world.now + HOUR)
    harness.later(DAY)
    end_in_stigg(harness, harness.world.now)
    harness.later(10 * MINUTE)
    harness.reconcile()


def ended(harness: Harness, value: float = 10_000, *, without_coupon: bool = False) -> dict[str, Any]:
    """Use something, end the subscription a day after its start, and return the invoice of its last use."""
    harness.reconcile()
    end_after_use(harness, value)
    if without_coupon:
        (coupon,) = harness.objects("coupons")
        harness.stripe().v1.coupons.delete(coupon["id"])
    harness.usage()
    (final,) = finals(harness)
    return final


def discounted(metered: WorldBuilder) -> None:
    """Half of everything, by a coupon of the subscription."""
    metered.coupon("half", percent=50)
    metered.stigg["subscriptions"][0]["coupons"] = [metered.applied("half")]


@pytest.mark.parametrize("field", ["default_payment_method", "default_source"])
def test_a_card_that_only_the_subscription_has_pays_it(harness_of: Build, metered: WorldBuilder, field: str) -> None:
    """F5; SB 12.1, 12.2: Checkout puts the card on the subscription."""
    harness = harness_of(metered)
    with_card(harness)
    harness.reconcile()
    subscription(harness)[field] = "pm_card"
    harness.objects("customers")[0]["invoice_settings"]["default_payment_method"] = None
    final = ended(harness)
    assert final[field] == "pm_card"
    harness.later(2 * HOUR)
    harness.usage()
    assert (final["status"], final["amount_paid"]) == ("paid", 2700)  # 10,000 x 0.27 cents


def test_terms_of_payment_are_the_subscriptions(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    harness.change(stripe={"days_until_due": 14})
    final = ended(harness)
    assert (final["collection_method"], final["due_date"]) == ("send_invoice", final["created"] + 14 * DAY)
    assert final["lines"]["data"], "filled before it is switched on"


@pytest.mark.parametrize("deleted", [False, True], ids=["live", "deleted in Stigg and Stripe"])
def test_the_coupon_of_the_subscription_is_taken_off(harness_of: Build, metered: WorldBuilder, deleted: bool) -> None:
    """F6; a renewal at the same moment would have had it."""
    discounted(metered)
    harness = harness_of(metered)
    final = ended(harness, without_coupon=deleted)
    assert (lines(final), final["total"]) == ([("10000", 2700)], 1350)
    harness.later(2 * HOUR)
    harness.usage()
    assert ledger(harness) == {"billed": ("10000", 2700)}
    kept = [c["id"] for c in harness.objects("coupons") if c["id"].startswith("stripe-sync-final-")]
    assert kept == [], "what was made for the invoice is deleted after it"


def discount_the_customer(harness: Harness, percent: int) -> None:
    """Give the customer a discount of its own, by a coupon that a person made in Stripe."""
    harness.stripe().v1.coupons.create({"id": "theirs", "percent_off": percent, "duration": "forever"})
    customer = harness.objects("customers")[0]
    made = {
        "id": "di_theirs", "object": "discount", "created": harness.world.now, "customer": customer["id"], "end": None,
        "checkout_session": None, "customer_account": None, "invoice": None, "invoice_item": None,
        "promotion_code": None, "source": {"type": "coupon", "coupon": "theirs"}, "start": harness.world.now,
        "subscription": None, "subscription_item": None,
        "terms": {"percent_off": percent, "amount_off": None, "currency": None, "currency_options": None},
    }  # fmt: skip
    harness.world.stripe["discounts"]["di_theirs"] = made
    customer["discount"] = {name: value for name, value in made.items() if name != "terms"}


def test_the_customers_own_discount_is_given_where_the_subscription_has_none(
    harness_of: Build, metered: WorldBuilder
) -> None:
    """SB 3.3; a renewal has it: 10,000 x 0.27 cents less 20 % are 21.60."""
    harness = harness_of(metered)
    harness.reconcile()
    discount_the_customer(harness, 20)
    final = ended(harness)
    assert (lines(final), final["total"]) == ([("10000", 2700)], 2160)
    harness.later(2 * HOUR)
    harness.usage()
    assert ledger(harness) == {"billed": ("10000", 2700)}


def test_the_customers_own_discount_does_not_come_on_top(harness_of: Build, metered: WorldBuilder) -> None:
    """Half by the subscription's coupon; the customer's 20 % are not taken as well."""
    discounted(metered)
    harness = harness_of(metered)
    harness.reconcile()
    discount_the_customer(harness, 20)
    assert ended(harness)["total"] == 1350


def test_a_customers_discount_that_began_after_the_end_is_not_inherited(
    harness_of: Build, metered: WorldBuilder
) -> None:
    """SB 21.4."""
    harness = harness_of(metered)
    harness.reconcile()
    end_after_use(harness, 10_000)
    discount_the_customer(harness, 10)
    harness.usage()
    (final,) = finals(harness)
    assert final["total"] == 2700


def test_a_foreign_coupon_that_is_gone_leaves_it_to_a_person(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    harness.reconcile()
    client = harness.stripe()
    client.v1.coupons.create({"id": "theirs", "percent_off": 10, "duration": "forever"})
    client.v1.subscriptions.update(subscription(harness)["id"], {"discounts": [{"coupon": "theirs"}]})
    client.v1.coupons.delete("theirs")
    end_after_use(harness, 10_000)
    found = harness.usage(alerts=True)
    assert "theirs is deleted" in found["pages"][0] and "27.00 USD" in found["pages"][0]
    assert finals(harness) == []
    assert ledger(harness) == {"unbillable": ("10000", 2700)}


def test_less_than_stripe_charges_is_told_and_not_billed(harness_of: Build, metered: WorldBuilder) -> None:
    """SB 12.7: 0.27 USD would be paid uncharged, and become a debt of somebody who gets no further invoice."""
    harness = harness_of(metered)
    harness.reconcile()
    end_after_use(harness, 100)
    found = harness.usage(alerts=True)
    assert "0.27 USD" in found["pages"][0]
    assert finals(harness) == []
    assert ledger(harness) == {"unbillable": ("100", 27)}


def test_a_half_built_one_is_not_switched_on(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    harness.reconcile()
    end_after_use(harness, 10_000)
    harness.limit(usage={"usd": "1"})
    harness.usage()
    (final,) = finals(harness)
    assert (lines(final), final["auto_advance"], final["automatically_finalizes_at"]) == ([], False, None)
    harness.later(2 * DAY)
    assert final["status"] == "draft"


def test_one_that_a_person_stopped_stays_stopped(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    final = ended(harness)
    assert final["auto_advance"]
    harness.stripe().v1.invoices.update(final["id"], {"auto_advance": False})
    harness.later(10 * MINUTE)
    harness.usage()
    assert final["auto_advance"] is False


@ends("cancel_removes_prorations", yes=0, no=2)
def test_what_was_pending_is_billed_once_whatever_stripe_does_with_it(
    harness_of: Build, small_world: WorldBuilder, end: int
) -> None:
    """C1: a charge and a credit that wait for the renewal, of a subscription that ends before it; what Stripe leaves is deleted."""
    harness = harness_of(small_world)
    harness.change(stripe={"upgrade_proration": "create_prorations"})
    harness.reconcile()
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    harness.later(DAY)
    row["prices"][1] |= {"usageLimit": 8, "updatedAt": iso(harness.world.now)}
    harness.reconcile()
    waiting = sum(i["amount"] for i in harness.objects("invoiceitems") if i["invoice"] is None)
    assert waiting > 50
    end_in_stigg(harness, harness.world.now)
    harness.later(2 * HOUR)
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    (bill,) = finals(harness)
    assert (bill["total"], bill["auto_advance"]) == (waiting, True)
    assert [i for i in harness.objects("invoiceitems") if i["invoice"] is None] == []
    requested = [r for r in harness.world.requests if r.method == "DELETE" and r.path.startswith("/v1/invoiceitems/")]
    assert len(requested) == end


@pytest.mark.parametrize("removed", [True, False], ids=["Stripe removes prorations", "Stripe leaves them"])
def test_a_pending_credit_is_a_persons_and_never_set_off(
    harness_of: Build, small_world: WorldBuilder, removed: bool
) -> None:
    """C1: a downgrade's credit that waits for the renewal."""
    harness = harness_of(small_world)
    harness.world.unknowns["cancel_removes_prorations"] = removed
    harness.reconcile()
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    harness.later(DAY)
    row["prices"][1] |= {"usageLimit": 1, "updatedAt": iso(harness.world.now)}
    harness.reconcile()
    waiting = sum(i["amount"] for i in harness.objects("invoiceitems") if i["invoice"] is None)
    end_in_stigg(harness, harness.world.now)
    harness.later(2 * HOUR)
    harness.reconcile()
    assert harness.status("s-1") == ("PENDING", "NEEDS_A_PERSON")
    harness.reconcile()
    (credits,) = tables(harness.engine, {"credits": "Credits"}, "test")
    (owed,) = credits.rows
    assert (owed["subscription"], str(owed["amount"])) == ("s-1", f"{-waiting / 100:.2f} USD")
    assert finals(harness) == []
    assert [i for i in harness.objects("invoiceitems") if i["invoice"] is None] == []


def changed_and_ended(harness: Harness) -> int:
    """Leave a charge pending, end the subscription a few hours later, and return what is pending."""
    harness.change(stripe={"upgrade_proration": "create_prorations"})
    harness.reconcile()
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    harness.later(DAY)
    row["prices"][1] |= {"usageLimit": 8, "updatedAt": iso(harness.world.now)}
    harness.reconcile()
    waiting = sum(i["amount"] for i in harness.objects("invoiceitems") if i["invoice"] is None)
    end_in_stigg(harness, harness.world.now)
    harness.later(2 * HOUR)
    return int(waiting)


def test_a_kept_500_at_the_pending_line_leaves_nothing_uncollected(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """SB 7.1: what is owed is collected again in the same run, and the next run finishes the line under another key."""
    harness = harness_of(small_world)
    waiting = changed_and_ended(harness)
    first = harness.world.stripe["invoices"][subscription(harness)["latest_invoice"]]
    assert (first["status"], first["auto_advance"]) == ("open", True)
    harness.world.faults.append(Fault("POST", "/v1/invoiceitems", status=500))
    with pytest.raises(FatalError, match="1 writes have an unknown outcome"):
        harness.reconcile("cut")
    assert subscription(harness)["status"] == "canceled"
    assert first["auto_advance"], "given back before anything of what was pending is written"
    (bill,) = finals(harness)
    assert (bill["total"], bill["auto_advance"]) == (0, False)
    harness.later(10 * MINUTE)
    harness.reconcile("after")
    assert (bill["total"], bill["auto_advance"]) == (waiting, True)
    assert [i for i in harness.objects("invoiceitems") if i["invoice"] is None] == []


def test_the_pending_line_has_the_tax_fields(harness_of: Build, small_world: WorldBuilder) -> None:
    """SB 17: with automatic tax a line without tax_behavior is refused."""
    harness = harness_of(small_world)
    taxed(harness)
    harness.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(harness)
    waiting = changed_and_ended(harness)
    harness.reconcile()
    (bill,) = finals(harness)
    (line,) = [i for i in harness.objects("invoiceitems") if i["invoice"] == bill["id"]]
    assert line["amount"] == waiting > 0
    assert (bill["automatic_tax"]["enabled"], bill["total_excluding_tax"]) == (True, waiting)
    assert bill["auto_advance"]


def test_pending_charges_that_a_person_bills_stay_in_stripe(harness_of: Build, small_world: WorldBuilder) -> None:
    """Terms that the pipeline does not write (on_behalf_of): nothing is deleted that is not billed."""
    harness = harness_of(small_world)
    harness.world.unknowns["cancel_removes_prorations"] = False
    waiting = changed_and_ended(harness)
    subscription(harness)["on_behalf_of"] = "acct_other"
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    assert finals(harness) == []
    assert sum(i["amount"] for i in harness.objects("invoiceitems") if i["invoice"] is None) == waiting
    assert harness.status("s-1") == ("PENDING", "NEEDS_A_PERSON")
