"""Items on drafts, meters and rounding in the sandbox, against documented and recorded facts (SB 3, 4, 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sandbox_client import DAY, HOUR, NOW, SandboxClient, sandbox_client

Obj = dict[str, Any]
MONTH = {"interval": "month"}
COMBINED = {"type": "flexible"}


@pytest.fixture(name="stripe")
def _stripe() -> Iterator[SandboxClient]:
    with sandbox_client() as client:
        yield client


def price(stripe: SandboxClient, **more: Any) -> str:
    """Return the id of a monthly price in USD on a product of its own."""
    product = stripe.post("/v1/products", name="Things")["id"]
    return str(stripe.post("/v1/prices", product=product, currency="usd", **more)["id"])


def renewed(stripe: SandboxClient, **more: Any) -> tuple[Obj, Obj]:
    """Return a subscription of 20.00 a month, a minute after its renewal, and the draft of that."""
    licensed = price(stripe, unit_amount=2000, recurring=MONTH)
    made = stripe.post("/v1/subscriptions", customer=stripe.customer(), items=[{"price": licensed}], billing_mode=COMBINED,
                       **more)  # fmt: skip
    stripe.later(made["items"]["data"][0]["current_period_end"] - stripe.world.now + 60)
    (draft,) = stripe.get("/v1/invoices", subscription=made["id"], status="draft")["data"]
    return made, draft


def item(stripe: SandboxClient, customer: str, **more: Any) -> Obj:
    return stripe.post("/v1/invoiceitems", customer=customer, **more)


def test_an_item_goes_on_a_renewals_draft_and_names_its_subscription_as_well(stripe: SandboxClient) -> None:
    """SB 3.1, SB 3.10: the moment of finalization is the one before, unless the switch says otherwise."""
    made, draft = renewed(stripe)
    row = item(stripe, made["customer"], invoice=draft["id"], subscription=made["id"], amount=500, currency="usd")
    assert (row["invoice"], row["parent"]["subscription_details"]["subscription"]) == (draft["id"], made["id"])
    after = stripe.get(f"/v1/invoices/{draft['id']}")
    assert after["total"] == draft["total"] + 500
    assert after["automatically_finalizes_at"] == draft["automatically_finalizes_at"]
    stripe.world.unknowns["item_moves_finalization"] = True
    item(stripe, made["customer"], invoice=draft["id"], amount=500, currency="usd")
    assert stripe.get(f"/v1/invoices/{draft['id']}")["automatically_finalizes_at"] == stripe.world.now + HOUR


def test_a_positive_item_is_discounted_and_a_negative_one_is_not_unless_they_say_so(stripe: SandboxClient) -> None:
    """SB 3.3: 10.00, -4.00 and 10.00 that is not discountable, beside 20.00, at 50 %: 10 + 5 - 4 + 10."""
    coupon = stripe.post("/v1/coupons", percent_off=50, duration="forever")["id"]
    made, draft = renewed(stripe, discounts=[{"coupon": coupon}])
    common = {"invoice": draft["id"], "currency": "usd"}
    rows = [item(stripe, made["customer"], amount=1000, **common), item(stripe, made["customer"], amount=-400, **common),
            item(stripe, made["customer"], amount=1000, discountable=False, **common)]  # fmt: skip
    assert [row["discountable"] for row in rows] == [True, False, False]
    assert stripe.get(f"/v1/invoices/{draft['id']}")["total"] == 1000 + 500 - 400 + 1000


def test_an_item_without_a_subscription_rides_on_the_next_renewal_of_its_customer(stripe: SandboxClient) -> None:
    """SB 3.5."""
    licensed = price(stripe, unit_amount=2000, recurring=MONTH)
    made = stripe.post(
        "/v1/subscriptions", customer=stripe.customer(), items=[{"price": licensed}], billing_mode=COMBINED
    )
    item(stripe, made["customer"], amount=700, currency="usd")
    stripe.later(made["items"]["data"][0]["current_period_end"] - stripe.world.now + 60)
    (draft,) = stripe.get("/v1/invoices", subscription=made["id"], status="draft")["data"]
    assert sorted(line["amount"] for line in draft["lines"]["data"]) == [700, 2000]


def test_a_finalized_invoice_takes_no_item_and_lets_none_go(stripe: SandboxClient) -> None:
    """SB 3.8."""
    made, draft = renewed(stripe)
    row = item(stripe, made["customer"], invoice=draft["id"], amount=500, currency="usd")
    stripe.later(2 * HOUR)
    status, error = stripe.refused("POST", "/v1/invoiceitems", customer=made["customer"], invoice=draft["id"], amount=1,
                                   currency="usd")  # fmt: skip
    assert (status, error["code"]) == (400, "invoice_not_editable")
    for verb in ("POST", "DELETE"):
        assert stripe.refused(verb, f"/v1/invoiceitems/{row['id']}")[0] == 400


@pytest.mark.parametrize(
    ("ties_up", "quantity", "amount"),
    [(True, "1", 1), (False, "1", 0), (True, "3", 2), (False, "3", 2), (True, "5", 3), (False, "5", 2)],
)
def test_a_line_is_the_exact_product_rounded_once(
    stripe: SandboxClient, ties_up: bool, quantity: str, amount: int
) -> None:
    """SB 5.1: 0.05 × 30 is 1.5 and billed as 2; half up and half even agree there, and differ at 0.5 and 2.5."""
    stripe.world.unknowns["item_ties_up"] = ties_up
    row = item(stripe, stripe.customer(), currency="usd", unit_amount_decimal="0.5", quantity_decimal=quantity)
    assert row["amount"] == amount


def test_quantities_have_twelve_decimals_and_one_name(stripe: SandboxClient) -> None:
    """SB 5.6: the older field is cut to whole units, both are never sent, and an amount of fractions has no whole one."""
    customer = stripe.customer()
    row = item(stripe, customer, currency="usd", unit_amount_decimal="100.5", quantity_decimal="5.7")
    assert (row["quantity"], row["quantity_decimal"], row["amount"]) == (5, "5.7", 573)
    assert row["pricing"].get("unit_amount") is None
    for wrong in ({"quantity_decimal": "0.0000000000001"}, {"quantity": 5, "quantity_decimal": "5"}):
        assert stripe.refused("POST", "/v1/invoiceitems", customer=customer, currency="usd", unit_amount_decimal="1",
                              **wrong)[0] == 400  # fmt: skip


def meter(stripe: SandboxClient, name: str = "calls") -> str:
    return str(stripe.post("/v1/billing/meters", display_name=name, event_name=name,
                           default_aggregation={"formula": "sum"})["id"])  # fmt: skip


def event(stripe: SandboxClient, customer: str, value: str, **more: Any) -> Obj:
    return stripe.post("/v1/billing/meter_events", event_name="calls", payload={"stripe_customer_id": customer, "value": value},
                       **more)  # fmt: skip


def counted(stripe: SandboxClient, id: str, customer: str, start: int, end: int) -> list[float]:
    found = stripe.get(f"/v1/billing/meters/{id}/event_summaries", customer=customer, start_time=start, end_time=end)
    return [row["aggregated_value"] for row in found["data"]]


def test_events_count_later_and_by_their_own_time(stripe: SandboxClient) -> None:
    """SB 4.3, SB 4.10, SB 4.16: a summary lags, has whole minutes, starts included and ends excluded, in several rows."""
    id, customer = meter(stripe), stripe.customer()
    start = NOW // 60 * 60 - 600
    for at in (start, start + 599, start + 600):
        event(stripe, customer, "1", timestamp=at)
    event(stripe, customer, "10")
    assert counted(stripe, id, customer, start, start + 600) == []
    stripe.later(120)
    assert counted(stripe, id, customer, start, start + 600) == [1.0, 1.0]
    assert sum(counted(stripe, id, customer, start, start + 660)) == 13, "an event without a time is of now"
    status, _ = stripe.refused("GET", f"/v1/billing/meters/{id}/event_summaries", customer=customer, start_time=start + 1,
                               end_time=start + 60)  # fmt: skip
    assert status == 400


@pytest.mark.parametrize(
    ("value", "more", "code"),
    [("1234567890123456", {}, "meter_event_value_too_many_digits"), ("1e3", {}, "meter_event_invalid_value"),
     ("1", {"timestamp": NOW - 36 * DAY}, "timestamp_too_far_in_past"), ("1", {"timestamp": NOW + 301}, "timestamp_in_future")],
)  # fmt: skip
def test_events_that_are_refused_at_once(stripe: SandboxClient, value: str, more: Obj, code: str) -> None:
    """SB 4.6, SB 4.7."""
    meter(stripe)
    payload = {"stripe_customer_id": stripe.customer(), "value": value}
    status, error = stripe.refused("POST", "/v1/billing/meter_events", event_name="calls", payload=payload, **more)
    assert (status, error["code"]) == (400, code)


def test_an_identifier_is_taken_once_a_day(stripe: SandboxClient) -> None:
    """SB 4.7: a second event of an identifier is refused, and counts once."""
    id, customer = meter(stripe), stripe.customer()
    event(stripe, customer, "5", identifier="one")
    payload = {"stripe_customer_id": customer, "value": "5"}
    status, error = stripe.refused("POST", "/v1/billing/meter_events", event_name="calls", payload=payload,
                                   identifier="one")  # fmt: skip
    assert (status, error["param"]) == (400, "identifier")
    stripe.later(120)
    assert sum(counted(stripe, id, customer, NOW // 60 * 60, NOW // 60 * 60 + 60)) == 5


def test_an_event_of_nobody_is_taken_and_reported_later(stripe: SandboxClient) -> None:
    """SB 4.5."""
    id = meter(stripe)
    event(stripe, "cus_nobody", "5")
    assert stripe.get("/v2/core/events")["data"] == []
    stripe.later(120)
    (report,) = stripe.get("/v2/core/events")["data"]
    assert report["type"] == "v1.billing.meter.error_report_triggered"
    found = stripe.get(f"/v2/core/events/{report['id']}")["data"]["reason"]["error_types"][0]
    assert (found["code"], report["related_object"]["id"]) == ("meter_event_customer_not_found", id)


def test_a_meters_event_name_is_its_own_for_ever_and_a_metered_price_needs_a_meter(stripe: SandboxClient) -> None:
    """SB 4.15, SB 4.17: meters are switched off and never deleted."""
    id = meter(stripe)
    stripe.post(f"/v1/billing/meters/{id}/deactivate")
    status, error = stripe.refused("POST", "/v1/billing/meters", display_name="calls", event_name="calls",
                                   default_aggregation={"formula": "sum"})  # fmt: skip
    assert (status, error["code"]) == (400, "resource_already_exists")
    product = stripe.post("/v1/products", name="Things")["id"]
    assert stripe.refused("POST", "/v1/prices", product=product, currency="usd", unit_amount=1,
                          recurring={"interval": "month", "usage_type": "metered"})[0] == 400  # fmt: skip


@pytest.mark.parametrize(("values", "lines"), [([], [("0", 0)]), (["7"], [("7", 700)]), (["5", "-9"], [("0", 0)])])
def test_a_metered_renewal_bills_what_its_period_counted_and_never_less_than_nothing(
    stripe: SandboxClient, values: list[str], lines: list[tuple[str, int]]
) -> None:
    """SB 4.2, SB 4.9, SB 4.14: a line of 0 where nothing was used; what is dated after the period is not on it."""
    id, customer = meter(stripe), stripe.customer()
    metered = price(stripe, unit_amount=100, recurring={"interval": "month", "usage_type": "metered", "meter": id})
    made = stripe.post("/v1/subscriptions", customer=customer, items=[{"price": metered}], billing_mode=COMBINED)
    for value in values:
        event(stripe, customer, value)
    end = made["items"]["data"][0]["current_period_end"]
    stripe.later(end - stripe.world.now)
    event(stripe, customer, "1000", timestamp=end)
    stripe.later(2 * HOUR)
    (invoice,) = stripe.get("/v1/invoices", subscription=made["id"])["data"]
    assert [(li["quantity_decimal"], li["amount"]) for li in invoice["lines"]["data"]] == lines
