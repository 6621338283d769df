"""Subscriptions of the sandbox: what the real Stripe credits, charges and bills (FACTS_A, FACTS_B, SB; amounts by hand)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sandbox.builder import WorldBuilder
from sandbox.server.run import running
from sandbox.world.state import from_document
from tests.contract.account import Account, Refused, at

START = at("2027-04-01T00:00:00")  # a month of 30 days: 2,592,000 seconds
HALF = at("2027-04-16T00:00:00")
MAY = at("2027-05-01T00:00:00")
Open = Callable[..., Account]


@pytest.fixture
def account_of() -> Iterator[Open]:
    """An account whose clock stands at a moment, with answers to what is unknown."""
    running_now = []

    def made(now: int = START, **unknowns: bool) -> Account:
        document = WorldBuilder().document() | {"clock": now, "unknowns": unknowns}
        document["stripe"]["limits"] = {"account": 0, "endpoint": 0}
        world = from_document(document)
        context = running(world)
        url, _ = context.__enter__()
        running_now.append(context)
        return Account(world, url)

    yield made
    for context in running_now:
        context.__exit__(None, None, None)


def test_an_update_keeps_the_change_although_the_payment_failed(account_of: Open) -> None:
    """SB 11.1, F7: without payment_behavior the price sticks, and the subscription is past due."""
    account = account_of()
    customer, cheap, dear = account.customer(), account.price(1000), account.price(9000)
    made = account.subscribe(customer, cheap)
    account.take_card(customer, "tok_chargeCustomerFail")
    account.go_to(HALF)
    after = account.swap(made, dear, proration_behavior="always_invoice")
    assert (after["status"], after["items"]["data"][0]["price"]["id"]) == ("past_due", dear)
    # Half of a month is left: 1000 / 2 back, 9000 / 2 charged.
    invoice = account.invoice(made)
    assert (account.amounts(invoice), invoice["status"]) == ([-500, 4500], "open")


@pytest.mark.parametrize(("token", "code"), [("tok_chargeCustomerFail", "card_declined"),
                         ("tok_threeDSecure2Required", "subscription_payment_intent_requires_action")])  # fmt: skip
def test_all_or_nothing_changes_nothing(account_of: Open, token: str, code: str) -> None:
    """SB 11.2, FACTS_A 53: error_if_incomplete is a 402, and price, invoices and pending items are as they were."""
    account = account_of()
    customer, cheap, dear = account.customer(), account.price(1000), account.price(9000)
    made = account.subscribe(customer, cheap)
    account.take_card(customer, token)
    with pytest.raises(Refused) as refused:
        account.swap(made, dear, proration_behavior="always_invoice", payment_behavior="error_if_incomplete")
    assert (refused.value.status, refused.value.error["code"]) == (402, code)
    after = account.get(f"/v1/subscriptions/{made['id']}")
    assert after["items"]["data"][0]["price"]["id"] == cheap
    assert after["latest_invoice"] == made["latest_invoice"]
    assert account.pending(customer) == []


def test_a_pending_update_waits_for_its_payment(account_of: Open) -> None:
    """SB 11.2: pending_if_incomplete leaves the subscription as it was, for 23 hours."""
    account = account_of()
    customer, cheap, dear = account.customer(), account.price(1000), account.price(9000)
    made = account.subscribe(customer, cheap)
    account.take_card(customer, "tok_chargeCustomerFail")
    after = account.swap(made, dear, proration_behavior="always_invoice", payment_behavior="pending_if_incomplete")
    assert after["items"]["data"][0]["price"]["id"] == cheap
    assert after["pending_update"]["expires_at"] == START + 23 * 3600
    with pytest.raises(Refused) as refused:
        account.change(made, payment_behavior="pending_if_incomplete", description="no")
    assert refused.value.status == 400


@pytest.mark.parametrize(("behavior", "token", "status"), [
    ("default_incomplete", "tok_visa", "incomplete"), ("allow_incomplete", "tok_chargeCustomerFail", "incomplete"),
    ("allow_incomplete", "tok_threeDSecure2Required", "incomplete"), ("allow_incomplete", "tok_visa", "active"),
])  # fmt: skip
def test_a_creation_begins_incomplete(account_of: Open, behavior: str, token: str, status: str) -> None:
    """FACTS_A 52: 3DS and declines leave the first invoice open; default_incomplete does not charge at all."""
    account = account_of()
    made = account.subscribe(account.customer(token), account.price(1000), payment_behavior=behavior)
    assert made["status"] == status
    assert account.invoice(made)["status"] == ("paid" if status == "active" else "open")


def test_a_creation_takes_the_customers_default_alone(account_of: Open) -> None:
    """SB 12.3, FACTS_A 54: a card that is attached, but no default, is not charged."""
    account = account_of()
    customer, price = account.customer(None), account.price(1000)
    card = account.take_card(customer, "tok_visa", default=False)
    with pytest.raises(Refused) as refused:
        account.subscribe(customer, price)
    assert (refused.value.status, refused.value.error["code"]) == (400, "resource_missing")
    assert account.subscribe(customer, price, default_payment_method=card)["status"] == "active"


def test_what_is_pending_rides_on_every_invoice_of_a_flexible_subscription(account_of: Open) -> None:
    """SB 11.5, F19: an upgrade settles the credit of the downgrade before it."""
    account = account_of()
    customer = account.customer()
    cheap, middle, dear = account.price(1000), account.price(3000), account.price(5000)
    made = account.subscribe(customer, middle)
    account.go_to(HALF)
    account.swap(made, cheap)  # create_prorations: 1500 back, 500 charged, both pending
    assert [item["amount"] for item in account.pending(customer)] == [-1500, 500]
    account.swap(made, dear, proration_behavior="always_invoice")
    invoice = account.invoice(made)
    assert account.amounts(invoice) == [-500, 2500, -1500, 500]
    assert (invoice["total"], account.pending(customer)) == (1000, [])


def test_items_added_by_an_update_stay_pending(account_of: Open) -> None:
    """SB 11.3: in flexible mode even with always_invoice, while nothing else makes an invoice."""
    account = account_of()
    customer, price = account.customer(), account.price(1000)
    product = account.post("/v1/products", name="Setup")["id"]
    once = account.post("/v1/prices", product=product, currency="usd", unit_amount=700)["id"]
    made = account.subscribe(customer, price)
    account.change(made, add_invoice_items=[{"price": once}], proration_behavior="always_invoice")
    assert account.invoice(made)["id"] == made["latest_invoice"]
    assert [item["amount"] for item in account.pending(customer)] == [700]


def test_a_credit_gives_back_what_was_debited(account_of: Open) -> None:
    """FACTS_A 31, F20: a price that was changed without proration was never charged, so it is not credited."""
    account = account_of()
    customer = account.customer()
    cheap, dear, free = account.price(1000), account.price(1800), account.price(0)
    made = account.subscribe(customer, cheap)
    account.swap(made, dear, proration_behavior="none")
    account.go_to(HALF)
    account.swap(made, free)
    credit = account.pending(customer)[0]
    assert (credit["amount"], credit["pricing"]["price_details"]["price"]) == (-500, cheap)


def test_each_debit_is_credited_once(account_of: Open) -> None:
    """SB 5.5: two changes on one day; the second gives back what the first one charged, and no more."""
    account = account_of()
    customer = account.customer()
    cheap, middle, dear = account.price(1000), account.price(3000), account.price(5000)
    made = account.subscribe(customer, cheap)
    account.go_to(HALF)
    account.swap(made, middle)
    account.swap(made, dear)
    # -500 +1500 at first, then -1500 +2500: 2000 in all, which is half of 5000 - 1000.
    assert sum(item["amount"] for item in account.pending(customer)) == 2000


def test_a_change_that_is_dated_back_credits_the_time_between(account_of: Open) -> None:
    """SB 5.5: the second change begins before the first; both debits give back what is left of them."""
    account = account_of()
    customer = account.customer()
    cheap, middle, dear = account.price(1000), account.price(3000), account.price(5000)
    made = account.subscribe(customer, cheap)
    account.go_to(at("2027-04-25T00:00:00"))
    account.swap(made, middle, proration_date=at("2027-04-21T00:00:00"))
    account.swap(made, dear, proration_date=HALF)
    # From the 16th on (half of the month) 5000 a month and nothing else is charged: half of (5000 - 1000), but for cents:
    # 10 days of 1000: -334; of 3000: 1000, then -1000; 5 days of 1000: -167; 15 days of 5000: 2500.
    assert sorted(item["amount"] for item in account.pending(customer)) == [-1000, -334, -167, 1000, 2500]


def test_discounts_are_inside_prorations(account_of: Open) -> None:
    """SB 5.5: with 50 % off, 500 were paid for the month and 4500 are due for the new one."""
    account = account_of()
    customer, cheap, dear = account.customer(), account.price(1000), account.price(9000)
    half = account.coupon(percent_off=50, duration="forever")
    made = account.subscribe(customer, cheap, discounts=[{"coupon": half}])
    assert account.invoice(made)["total"] == 500
    account.go_to(HALF)
    account.swap(made, dear, proration_behavior="always_invoice")
    invoice = account.invoice(made)
    assert (account.amounts(invoice), invoice["total"]) == ([-250, 2250], 2000)
    assert [line["discountable"] for line in invoice["lines"]["data"]] == [False, False]


def test_a_once_coupon_makes_the_credit_smaller_and_not_the_charge(account_of: Open) -> None:
    """SB 5.5, 21.5: the first invoice consumed it."""
    account = account_of()
    customer, cheap, dear = account.customer(), account.price(1000), account.price(9000)
    once = account.coupon(percent_off=50, duration="once")
    made = account.subscribe(customer, cheap, discounts=[{"coupon": once}])
    account.go_to(HALF)
    account.swap(made, dear, proration_behavior="always_invoice")
    assert account.amounts(account.invoice(made)) == [-250, 4500]


def test_a_once_coupon_that_comes_with_an_upgrade_is_consumed_by_it(account_of: Open) -> None:
    """SB 21.5: it waits for an invoice, and the upgrade's is one; the renewal is at the full price."""
    account = account_of()
    customer, cheap, dear = account.customer(), account.price(1000), account.price(9000)
    made = account.subscribe(customer, cheap)
    once = account.coupon(percent_off=50, duration="once")
    account.go_to(HALF)
    account.swap(made, dear, proration_behavior="always_invoice", discounts=[{"coupon": once}])
    assert account.amounts(account.invoice(made)) == [-500, 2250]
    account.go_to(MAY)
    assert account.invoice(made)["total"] == 9000


def test_a_fixed_discount_is_spread_over_the_lines(account_of: Open) -> None:
    """SB 5.3: 5.00 over 10.00 and 20.00 is 1.66 and 3.34."""
    account = account_of()
    off = account.coupon(amount_off=500, currency="usd", duration="forever")
    made = account.subscribe(account.customer(), account.price(1000), account.price(2000), discounts=[{"coupon": off}])
    lines = account.invoice(made)["lines"]["data"]
    assert [line["discount_amounts"][0]["amount"] for line in lines] == [166, 334]


def test_a_backdated_start_is_a_line_for_each_elapsed_period(account_of: Open) -> None:
    """SB 11.10: 15 February to 1 April by a monthly price is two months and the running one; all are charged at once."""
    account = account_of()
    made = account.subscribe(account.customer(), account.price(1000), backdate_start_date=at("2027-02-15T00:00:00"))
    invoice = account.invoice(made)
    periods = [(line["period"]["start"], line["period"]["end"]) for line in invoice["lines"]["data"]]
    assert periods == [(at("2027-02-15T00:00:00"), at("2027-03-15T00:00:00")),
                       (at("2027-03-15T00:00:00"), at("2027-04-15T00:00:00"))]  # fmt: skip
    assert (account.amounts(invoice), invoice["amount_paid"]) == ([1000, 1000], 2000)


def test_an_anchor_on_the_31st_comes_back(account_of: Open) -> None:
    """R2: 31 January, 28 February, 31 March, 30 April, by a configuration of the anchor that is made in February."""
    account = account_of(at("2027-02-20T10:00:00"))
    config = {"day_of_month": 31, "hour": 10, "minute": 0, "second": 0}
    made = account.subscribe(
        account.customer(), account.price(3100), billing_cycle_anchor_config=config, proration_behavior="none"
    )
    ends = [made["items"]["data"][0]["current_period_end"]]
    for day in ("2027-02-28", "2027-03-31", "2027-04-30"):
        account.go_to(at(f"{day}T10:00:00"))
        ends.append(account.get(f"/v1/subscriptions/{made['id']}")["items"]["data"][0]["current_period_end"])
        assert account.invoice(made)["total"] == 3100
    assert ends == [at(f"{day}T10:00:00") for day in ("2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31")]


@pytest.mark.parametrize(("behavior", "pending"), [("create_prorations", [-500]), ("none", [])])
def test_an_end_in_the_running_period_makes_it_shorter(account_of: Open, behavior: str, pending: list[int]) -> None:
    """SB 21.1, F11: the item's period ends with the subscription, and half of the month is given back."""
    account = account_of()
    customer = account.customer()
    made = account.subscribe(customer, account.price(1000))
    after = account.change(made, cancel_at=HALF, proration_behavior=behavior)
    assert after["items"]["data"][0]["current_period_end"] == HALF
    assert [item["amount"] for item in account.pending(customer)] == pending


def test_taking_an_end_away_charges_the_time_again(account_of: Open) -> None:
    """SB 21.1: the period is whole again, and what was credited is due; the anchor never resets in flexible mode."""
    account = account_of()
    customer = account.customer()
    made = account.subscribe(customer, account.price(1000))
    account.change(made, cancel_at=HALF)
    after = account.change(made, cancel_at="")
    assert after["items"]["data"][0]["current_period_end"] == MAY
    assert (after["billing_cycle_anchor"], after["canceled_at"]) == (START, None)
    assert [item["amount"] for item in account.pending(customer)] == [500, -500]


@pytest.mark.parametrize("behavior", ["create_prorations", "none"])
def test_an_end_in_a_later_period_always_prorates_it(account_of: Open, behavior: str) -> None:
    """SB 11.9: the renewal of 1 May goes until the 16th alone: 15 of 31 days of 3100, for any parameter of the update."""
    account = account_of()
    made = account.subscribe(account.customer(), account.price(3100))
    account.change(made, cancel_at=at("2027-05-16T00:00:00"), proration_behavior=behavior)
    account.go_to(MAY)
    line = account.invoice(made)["lines"]["data"][0]
    assert (line["amount"], line["period"]["end"]) == (1500, at("2027-05-16T00:00:00"))


@pytest.mark.parametrize(("behavior", "total"), [("create_prorations", 500), ("none", 1000)])
def test_an_end_that_a_creation_sets_prorates_as_it_says(account_of: Open, behavior: str, total: int) -> None:
    """SB 11.9."""
    account = account_of()
    made = account.subscribe(account.customer(), account.price(1000), cancel_at=HALF, proration_behavior=behavior)
    assert account.invoice(made)["total"] == total


def test_a_graduated_licensed_item_is_a_line_a_tier(account_of: Open) -> None:
    """SB 4.14: 12 units are 5 at 7.00, 5 at 6.50 and 2 at 6.00."""
    account = account_of()
    tiers = [{"up_to": 5, "unit_amount": 700}, {"up_to": 10, "unit_amount": 650}, {"up_to": "inf", "unit_amount": 600}]
    price = account.price(0, tiers=tiers, tiers_mode="graduated", billing_scheme="tiered")
    made = account.subscribe(account.customer(), items=[{"price": price, "quantity": 12}])
    assert account.amounts(account.invoice(made)) == [3500, 3250, 1200]


def test_classic_mode_resets_the_anchor_at_a_change_of_interval(account_of: Open) -> None:
    """SB 11.8: classic credits half a month and charges a whole year at once; flexible keeps its anchor."""
    account = account_of()
    monthly, yearly = account.price(1000), account.price(12000, interval="year")
    classic = account.subscribe(account.customer(), monthly, billing_mode={"type": "classic"})
    flexible = account.subscribe(account.customer(), monthly)
    account.go_to(HALF)
    assert account.swap(classic, yearly)["billing_cycle_anchor"] == HALF
    assert account.amounts(account.invoice(classic)) == [-500, 12000]
    after = account.swap(flexible, yearly)
    assert (after["billing_cycle_anchor"], after["latest_invoice"]) == (START, flexible["latest_invoice"])


def test_classic_mode_resets_the_anchor_from_zero_to_paid(account_of: Open) -> None:
    """SB 11.8: the paid month begins with the change."""
    account = account_of()
    free, paid = account.price(0), account.price(1000)
    classic = account.subscribe(account.customer(), free, billing_mode={"type": "classic"})
    account.go_to(HALF)
    assert account.swap(classic, paid)["billing_cycle_anchor"] == HALF
    assert account.invoice(classic)["total"] == 1000


def test_an_anchor_that_is_reset_charges_the_added_time(account_of: Open) -> None:
    """FACTS_B 77, 78: no invoice and no credit; one pending item from the old end to the new one.

    Reset on 16 April the month goes until 16 May: 15 days more of 30, at 1000 a month.
    """
    account = account_of()
    customer = account.customer()
    made = account.subscribe(customer, account.price(1000))
    account.go_to(HALF)
    after = account.change(made, billing_cycle_anchor={"type": "now"})
    assert (after["billing_cycle_anchor"], after["latest_invoice"]) == (HALF, made["latest_invoice"])
    items = account.pending(customer)
    assert [(item["amount"], item["period"]) for item in items] == [
        (500, {"start": MAY, "end": at("2027-05-16T00:00:00")})
    ]
    with pytest.raises(Refused, match="proration_date"):
        account.change(made, billing_cycle_anchor={"type": "now"}, proration_date=HALF)


@pytest.mark.parametrize(("floors", "charged"), [(True, 333), (False, 333)])
def test_prorations_round_as_recorded_under_both_answers(account_of: Open, floors: bool, charged: int) -> None:
    """FACTS_A 3: a third of 2000 back and of 1000 charged: -667 and 333, whichever way the switch is."""
    account = account_of(proration_floors=floors)
    customer = account.customer()
    made = account.subscribe(customer, account.price(2000))
    account.go_to(at("2027-04-21T00:00:00"))
    account.swap(made, account.price(1000))
    assert [item["amount"] for item in account.pending(customer)] == [-667, charged]


@pytest.mark.parametrize(("floors", "amounts"), [(True, [-334, 666]), (False, [-333, 667])])
def test_prorations_are_floors_or_nearest(account_of: Open, floors: bool, amounts: list[int]) -> None:
    """C9, SB 5.2: a third of 1000 back (333.33) and of 2000 charged (666.67)."""
    account = account_of(proration_floors=floors)
    customer = account.customer()
    made = account.subscribe(customer, account.price(1000))
    account.go_to(at("2027-04-21T00:00:00"))
    account.swap(made, account.price(2000))
    assert [item["amount"] for item in account.pending(customer)] == amounts


def test_a_trial_that_ends_now_bills_its_first_period(account_of: Open) -> None:
    """FACTS_A 47, 48: the trial's own invoice is paid and 0; then the anchor moves and trial_end is a second before it."""
    account = account_of()
    made = account.subscribe(account.customer(), account.price(1000), trial_end=MAY)
    assert (made["status"], account.invoice(made)["status"], account.invoice(made)["total"]) == ("trialing", "paid", 0)
    account.go_to(HALF)
    after = account.change(made, trial_end="now")
    assert (after["status"], after["billing_cycle_anchor"], after["trial_end"]) == ("active", HALF, HALF - 1)
    assert account.invoice(made)["total"] == 1000


def test_prices_of_one_use_are_in_no_list(account_of: Open) -> None:
    """SB 10.7, FACTS_B 16, F26: those of price_data and of bare amounts; an amount names a hidden price and product."""
    account = account_of()
    customer = account.customer()
    product = account.post("/v1/products", name="Setup")["id"]
    data = {"currency": "usd", "product": product, "unit_amount_decimal": "12.5"}
    account.post("/v1/invoiceitems", customer=customer, price_data=data, quantity_decimal=2)
    bare = account.post("/v1/invoiceitems", customer=customer, amount=700, currency="usd")
    details = bare["pricing"]["price_details"]
    assert (bare["pricing"]["unit_amount_decimal"], bare["quantity_decimal"]) == ("700", "1")
    for active in (True, False):
        assert account.get("/v1/prices", active=active)["data"] == []
        assert details["product"] not in [row["id"] for row in account.get("/v1/products", active=active)["data"]]
    assert account.get(f"/v1/prices/{details['price']}")["unit_amount"] == 700


def test_clear_usage_is_refused_or_without_effect(account_of: Open) -> None:
    """C8, SB 4.12: flexible refuses it, or it does nothing with meters."""
    for refuses in (True, False):
        account = account_of(clear_usage_refused=refuses)
        made = account.subscribe(account.customer(), account.price(1000), account.price(2000))
        gone = [{"id": made["items"]["data"][1]["id"], "deleted": True, "clear_usage": True}]
        if refuses:
            with pytest.raises(Refused, match="clear_usage"):
                account.change(made, items=gone)
        else:
            assert account.change(made, items=gone)["items"]["total_count"] == 1


def test_a_metered_item_that_leaves_is_billed_or_dropped(account_of: Open) -> None:
    """C7, SB 4.11: 30 calls at 10 are 300, unless proration is off, or it is dropped."""
    for bills, behavior, pending in ((True, "create_prorations", [300]), (True, "none", []),
                                     (False, "create_prorations", [])):  # fmt: skip
        account = account_of(removed_meter_bills=bills)
        customer = account.customer()
        meter = account.post("/v1/billing/meters", display_name="Calls", event_name="calls",
                             default_aggregation={"formula": "sum"})["id"]  # fmt: skip
        product = account.post("/v1/products", name="Calls")["id"]
        metered = account.post("/v1/prices", product=product, currency="usd", unit_amount=10,
                               recurring={"interval": "month", "usage_type": "metered", "meter": meter})["id"]  # fmt: skip
        made = account.subscribe(customer, account.price(1000), metered)
        account.go_to(HALF)
        account.post("/v1/billing/meter_events", event_name="calls", timestamp=HALF - 3600,
                     payload={"stripe_customer_id": customer, "value": 30})  # fmt: skip
        account.go_to(HALF + 600)
        account.change(made, items=[{"id": made["items"]["data"][1]["id"], "deleted": True}],
                       proration_behavior=behavior)  # fmt: skip
        assert [item["amount"] for item in account.pending(customer)] == pending


def test_a_preview_of_a_creation_takes_the_anchor_as_an_object(account_of: Open) -> None:
    """BILLING 6, SB 21.6: {type, timestamp}; a number is refused, and the invoice comes to the preview's total."""
    account = account_of()
    customer, price = account.customer(), account.price(1000)
    anchor = {"type": "timestamp", "timestamp": HALF}
    details = {"items": [{"price": price}], "proration_behavior": "create_prorations", "billing_cycle_anchor": anchor}
    preview = account.post("/v1/invoices/create_preview", customer=customer, subscription_details=details)
    with pytest.raises(Refused):
        account.post("/v1/invoices/create_preview", customer=customer,
                     subscription_details=details | {"billing_cycle_anchor": HALF})  # fmt: skip
    made = account.subscribe(customer, price, billing_cycle_anchor=HALF)
    assert preview["total"] == account.invoice(made)["total"] == 500


def test_a_preview_of_a_pending_change_is_the_next_renewal(account_of: Open) -> None:
    """SB 21.6: only lines with ``proration`` are the change; an empty ``discounts`` does not clear what is inherited."""
    account = account_of()
    customer, cheap, dear = account.customer(), account.price(1000), account.price(3000)
    half = account.coupon(percent_off=50, duration="forever")
    made = account.subscribe(customer, cheap, discounts=[{"coupon": half}])
    account.go_to(HALF)
    items = [{"id": made["items"]["data"][0]["id"], "price": dear}]
    details = {"items": items, "proration_behavior": "create_prorations"}
    preview = account.post(
        "/v1/invoices/create_preview", subscription=made["id"], subscription_details=details, discounts=""
    )
    lines = preview["lines"]["data"]
    change = [line["amount"] for line in lines if line["parent"]["subscription_item_details"]["proration"]]
    # The month of May at 3000, half off; 250 back for the rest of April and 750 for it.
    assert (change, preview["total"], preview["created"]) == ([-250, 750], 3000 // 2 + 500, MAY)
    details["proration_behavior"] = "always_invoice"
    at_once = account.post("/v1/invoices/create_preview", subscription=made["id"], subscription_details=details)
    assert at_once["total"] == 500
    assert account.swap(made, dear, proration_behavior="always_invoice")
    assert account.invoice(made)["total"] == 500


@pytest.mark.parametrize(("resets", "end"), [(False, "2027-03-31"), (True, "2027-03-28")])
def test_an_end_that_is_taken_away_may_move_the_anchor(account_of: Open, resets: bool, end: str) -> None:
    """SB 21.1: of an anchor on 31 January, in the period from 28 February on, the day comes back or it does not."""
    account = account_of(at("2027-01-31T10:00:00"), end_removal_resets_anchor=resets)
    made = account.subscribe(account.customer(), account.price(3100))
    account.go_to(at("2027-03-01T10:00:00"))
    account.change(made, cancel_at=at("2027-03-10T10:00:00"), proration_behavior="none")
    after = account.change(made, cancel_at="", proration_behavior="none")
    assert after["items"]["data"][0]["current_period_end"] == at(f"{end}T10:00:00")


def test_ugx_is_asked_for_in_whole_hundreds(account_of: Open) -> None:
    """Documented: 3,333.33 is rounded to 3,333, and 33 cents are on the balance; ``total`` stays."""
    account = account_of()
    customer, off = account.customer(), account.coupon(amount_off=166667, currency="ugx", duration="forever")
    made = account.subscribe(customer, account.price(500000, currency="ugx"), discounts=[{"coupon": off}])
    invoice = account.invoice(made)
    assert (invoice["total"], invoice["amount_due"], invoice["ending_balance"]) == (333333, 333300, 33)
    assert account.get(f"/v1/customers/{customer}")["balance"] == 33


@pytest.mark.parametrize(("rounds", "status", "due"), [(False, "draft", 99000), (True, "paid", 99000)])
def test_isk_is_rounded_or_stays_a_draft(account_of: Open, rounds: bool, status: str, due: int) -> None:
    """Assumed, both ways: a month of 1,485.00 less a third is 989.99... and not a whole number of kronur."""
    account = account_of(isk_rounds=rounds)
    off = account.coupon(percent_off=33.33, duration="forever")
    made = account.subscribe(account.customer(), account.price(148500, currency="isk"), discounts=[{"coupon": off}])
    invoice = account.invoice(made)
    # 33.33 % of 148500 are 49495 (49495.05): 99005 are left.
    assert (invoice["status"], invoice["total"]) == (status, 99005)
    if rounds:
        assert (invoice["amount_due"], invoice["ending_balance"]) == (due, 5)
    else:
        assert invoice["last_finalization_error"]["code"] == "invalid_charge_amount_no_decimal_compatible"


def test_a_coupon_that_is_sent_again_is_redeemed_again(account_of: Open) -> None:
    """SB 9.5: by coupon the once discount comes a second time and the renewal is cheaper; kept by its id, it does not."""
    account = account_of()
    once = account.coupon(percent_off=50, duration="once")
    again, kept = (
        account.subscribe(account.customer(), account.price(1000), discounts=[{"coupon": once}]) for _ in range(2)
    )
    account.change(again, discounts=[{"coupon": once}])
    account.change(kept, description="untouched")
    account.go_to(MAY)
    assert [account.invoice(made)["total"] for made in (again, kept)] == [500, 1000]


def test_a_change_of_nothing_makes_no_lines(account_of: Open) -> None:
    """SB 11.15."""
    account = account_of()
    customer, price = account.customer(), account.price(1000)
    made = account.subscribe(customer, price)
    after = account.swap(made, price, proration_behavior="always_invoice")
    assert (after["latest_invoice"], account.pending(customer)) == (made["latest_invoice"], [])


def test_an_incomplete_subscription_takes_few_changes(account_of: Open) -> None:
    """SB 11.14: the description, but not its items."""
    account = account_of()
    made = account.subscribe(account.customer("tok_chargeCustomerFail"), account.price(1000))
    assert account.change(made, description="waits")["status"] == "incomplete"
    with pytest.raises(Refused):
        account.swap(made, account.price(2000))


def test_an_end_leaves_the_trial_alone(account_of: Open) -> None:
    """SB 21.2."""
    account = account_of()
    made = account.subscribe(account.customer(), account.price(1000), trial_end=MAY)
    after = account.change(made, cancel_at=HALF)
    assert (after["trial_end"], after["items"]["data"][0]["current_period_end"]) == (MAY, MAY)


@pytest.mark.parametrize(("way", "status"), [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "active")])
def test_a_trial_ends_without_a_card_as_its_settings_say(account_of: Open, way: str, status: str) -> None:
    """FACTS_A 43, 50: by itself as well as by trial_end=now; create_invoice goes on, and its renewal is a draft (SB 1.7)."""
    account = account_of()
    settings = {"end_behavior": {"missing_payment_method": way}}
    made = account.subscribe(account.customer(None), account.price(1000), trial_end=HALF, trial_settings=settings)
    account.go_to(HALF)
    assert account.get(f"/v1/subscriptions/{made['id']}")["status"] == status
    assert (account.invoice(made)["id"] == made["latest_invoice"]) is (status != "active")


def test_too_long_a_past_is_refused(account_of: Open) -> None:
    """SB 11.10: 250 lines at most; a weekly price for five years is 260."""
    account = account_of()
    weekly = account.price(1000, interval="week")
    with pytest.raises(Refused, match="250"):
        account.subscribe(account.customer(), weekly, backdate_start_date=at("2022-04-01T00:00:00"))


def test_an_end_that_moves_charges_the_days_between(account_of: Open) -> None:
    """SB 21.1: from the 11th to the 21st of a month of 30 days: 20 days back, then 10 charged, of 3000."""
    account = account_of()
    customer = account.customer()
    made = account.subscribe(customer, account.price(3000))
    account.change(made, cancel_at=at("2027-04-11T00:00:00"))
    account.change(made, cancel_at=at("2027-04-21T00:00:00"))
    assert [item["amount"] for item in account.pending(customer)] == [1000, -2000]
