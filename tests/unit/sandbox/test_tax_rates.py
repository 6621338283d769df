"""Manual tax rates of the sandbox: whose rates a line has, what they come to, and what automatic tax refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sandbox_client import DAY, Obj, SandboxClient, sandbox_client

TEXAS = {"country": "US", "postal_code": "78701"}


@pytest.fixture(name="stripe")
def _stripe() -> Iterator[SandboxClient]:
    with sandbox_client() as client:
        yield client


def rate(stripe: SandboxClient, percentage: float, *, inclusive: bool = False) -> str:
    """Return the id of a new tax rate."""
    made = stripe.post("/v1/tax_rates", display_name="VAT", percentage=percentage, inclusive=inclusive)
    return str(made["id"])


def sums(invoice: Obj) -> tuple[int, int, int, int, int]:
    """Return (subtotal, subtotal without tax, total without tax, total, due)."""
    names = ("subtotal", "subtotal_excluding_tax", "total_excluding_tax", "total", "amount_due")
    a, b, c, d, e = (int(invoice[name]) for name in names)
    return a, b, c, d, e


def taxed(invoice: Obj) -> list[int]:
    return [sum(tax["amount"] for tax in line["taxes"]) for line in invoice["lines"]["data"]]


def with_lines(stripe: SandboxClient, customer: str, amounts: list[int], rates: list[str], **more: Any) -> Obj:
    """Return a draft with default rates and a line of each amount, the first one first."""
    draft = stripe.post("/v1/invoices", customer=customer, currency="usd", default_tax_rates=rates, **more)
    for amount in amounts:
        stripe.post("/v1/invoiceitems", customer=customer, invoice=draft["id"], amount=amount, currency="usd")
    return stripe.get(f"/v1/invoices/{draft['id']}")


def test_exclusive_rates_are_rounded_per_line_and_added_to_the_total(stripe: SandboxClient) -> None:
    """SB 5.4: 19 % of 799 is 151.81 and of 3 is 0.57: 152 + 1 a line; 19 % of the sum 802 would be 152.38."""
    vat = rate(stripe, 19)
    invoice = with_lines(stripe, stripe.customer(), [799, 3], [vat])
    assert taxed(invoice) == [152, 1]
    assert sums(invoice) == (802, 802, 802, 955, 955)
    assert invoice["total_taxes"] == [{
        "amount": 153, "tax_behavior": "exclusive", "tax_rate_details": {"tax_rate": vat},
        "taxability_reason": "not_available", "taxable_amount": 802, "type": "tax_rate_details",
    }]  # fmt: skip
    paid = stripe.post(f"/v1/invoices/{invoice['id']}/pay")
    assert (paid["status"], paid["amount_paid"]) == ("paid", 955)


def test_inclusive_rates_are_a_part_of_the_amount(stripe: SandboxClient) -> None:
    """20 % inside of 1200 is 200; an exclusive rate beside it is of what is left: 10 % of 1000."""
    invoice = with_lines(stripe, stripe.customer(), [1200], [rate(stripe, 20, inclusive=True)])
    assert sums(invoice) == (1200, 1000, 1000, 1200, 1200)
    assert [t["taxable_amount"] for t in invoice["total_taxes"]] == [1000]
    both = with_lines(stripe, stripe.customer(), [1200], [rate(stripe, 20, inclusive=True), rate(stripe, 10)])
    assert [t["amount"] for t in both["total_taxes"]] == [200, 100]
    assert sums(both) == (1200, 1000, 1000, 1300, 1300)


def test_discounts_lower_what_is_taxed(stripe: SandboxClient) -> None:
    """50 % off 1000 leaves 500: exclusive 20 % is 100; inclusive 25 % of 500 is 100, and 200 of the 1000 before it."""
    coupon = stripe.post("/v1/coupons", percent_off=50, duration="forever")["id"]
    off: Any = [{"coupon": coupon}]
    assert sums(with_lines(stripe, stripe.customer(), [1000], [rate(stripe, 20)], discounts=off)) == (
        1000, 1000, 500, 600, 600,
    )  # fmt: skip
    inside = with_lines(stripe, stripe.customer(), [1000], [rate(stripe, 25, inclusive=True)], discounts=off)
    assert sums(inside) == (1000, 800, 400, 500, 500)


def test_rates_of_a_subscription_are_on_all_that_it_bills_itself(stripe: SandboxClient) -> None:
    """Types: its invoices have its ``default_tax_rates``; an item's own rates go before them, and credits are taxed too."""
    vat, reduced = rate(stripe, 20), rate(stripe, 7)
    customer, small, large = stripe.customer(), stripe.price(1000), stripe.price(3000)
    made = stripe.post(
        "/v1/subscriptions", customer=customer, default_tax_rates=[vat],
        items=[{"price": small}, {"price": large, "tax_rates": [reduced]}], expand=["latest_invoice"],
    )  # fmt: skip
    first = made["latest_invoice"]
    assert [r["id"] for r in first["default_tax_rates"]] == [r["id"] for r in made["default_tax_rates"]] == [vat]
    assert sorted(taxed(first)) == [200, 210] and first["total"] == 4410 and first["amount_paid"] == 4410
    item = made["items"]["data"][0]
    stripe.later(10 * DAY)
    stripe.post(
        f"/v1/subscriptions/{made['id']}", items=[{"id": item["id"], "quantity": 2}], proration_behavior="always_invoice",
    )  # fmt: skip
    change = stripe.get("/v1/invoices", subscription=made["id"], limit=1)["data"][0]
    assert change["total"] == change["subtotal"] + sum(taxed(change)) and min(taxed(change)) < 0 < max(taxed(change))
    cleared = stripe.post(f"/v1/subscriptions/{made['id']}", default_tax_rates="")
    assert cleared["default_tax_rates"] == []
    again = stripe.post(f"/v1/subscription_items/{item['id']}", tax_rates=[vat])
    assert [r["id"] for r in again["tax_rates"]] == [vat]


@pytest.mark.parametrize(("inherits", "tax"), [(False, 0), (True, 100)])
def test_one_off_items_do_not_inherit(inherits: bool, tax: int) -> None:
    """SB 3.4, and the switch ``items_inherit_tax_rates``: only what the item names is certain."""
    with sandbox_client(unknowns={"items_inherit_tax_rates": inherits}) as stripe:
        vat, customer, price = rate(stripe, 20), stripe.customer(), stripe.price(1000)
        made = stripe.post("/v1/subscriptions", customer=customer, default_tax_rates=[vat], items=[{"price": price}])
        for named in ({}, {"tax_rates": [vat]}):
            stripe.post(
                "/v1/invoiceitems", customer=customer, subscription=made["id"], amount=500, currency="usd", **named
            )
        alone = stripe.invoice(customer, 500)
        assert (alone["total_taxes"], alone["total"]) == ([], 500)  # an invoice of its own has rates of its own
        stripe.later(31 * DAY)
        renewal = stripe.get("/v1/invoices", subscription=made["id"], limit=1)["data"][0]
        assert taxed(renewal) == [100, tax, 200]
        assert renewal["total"] == 1000 + 500 + 500 + 300 + tax


def test_rates_change_with_items_and_drafts(stripe: SandboxClient) -> None:
    vat, customer = rate(stripe, 20), stripe.customer()
    draft = stripe.invoice(customer, 1000)
    line = draft["lines"]["data"][0]
    one = stripe.post(f"/v1/invoices/{draft['id']}/update_lines", lines=[{"id": line["id"], "tax_rates": [vat]}])
    assert (taxed(one), one["total"]) == ([200], 1200)
    item = line["parent"]["invoice_item_details"]["invoice_item"]
    assert [r["id"] for r in stripe.get(f"/v1/invoiceitems/{item}")["tax_rates"]] == [vat]
    stripe.post(f"/v1/invoiceitems/{item}", tax_rates="")
    assert stripe.get(f"/v1/invoices/{draft['id']}")["total"] == 1000
    assert stripe.post(f"/v1/invoices/{draft['id']}", default_tax_rates=[vat])["total"] == 1200
    assert stripe.post(f"/v1/invoices/{draft['id']}", default_tax_rates="")["total"] == 1000


def test_an_archived_rate_stays_where_it_is_and_is_applied_nowhere_else(stripe: SandboxClient) -> None:
    """Types: ``active`` false keeps a rate from new applications, and it still works where it is set."""
    vat, customer, price = rate(stripe, 20), stripe.customer(), stripe.price(1000)
    made = stripe.post("/v1/subscriptions", customer=customer, default_tax_rates=[vat], items=[{"price": price}])
    stripe.post(f"/v1/tax_rates/{vat}", active=False)
    stripe.later(31 * DAY)
    assert stripe.get("/v1/invoices", subscription=made["id"], limit=1)["data"][0]["total"] == 1200
    item = {"customer": customer, "amount": 500, "currency": "usd", "tax_rates": [vat]}
    assert stripe.refused("POST", "/v1/invoiceitems", **item)[1]["param"] == "tax_rates"


def test_rates_and_automatic_tax_exclude_each_other() -> None:
    """SB 3.4, 17.4."""
    settings = {"status": "active", "defaults": {"tax_behavior": "exclusive", "provider": "stripe", "tax_code": None}}
    with sandbox_client(tax_settings=settings) as stripe:
        vat, customer, price = rate(stripe, 20), stripe.customer(address=TEXAS), stripe.price(1000)
        on: Any = {"enabled": True}
        form: Obj = {"customer": customer, "items": [{"price": price}]}
        bad = stripe.refused("POST", "/v1/subscriptions", **form, automatic_tax=on, default_tax_rates=[vat])
        assert bad[1]["param"] == "default_tax_rates"
        items: Any = [{"price": price, "tax_rates": [vat]}]
        assert stripe.refused("POST", "/v1/subscriptions", customer=customer, automatic_tax=on, items=items)[0] == 400
        manual = stripe.post("/v1/subscriptions", **form, default_tax_rates=[vat])["id"]
        assert stripe.refused("POST", f"/v1/subscriptions/{manual}", automatic_tax=on)[0] == 400
        assert not stripe.get(f"/v1/subscriptions/{manual}")["automatic_tax"]["enabled"]
        both = stripe.post(f"/v1/subscriptions/{manual}", automatic_tax=on, default_tax_rates="")
        assert both["automatic_tax"]["enabled"] and both["default_tax_rates"] == []
        draft = stripe.post("/v1/invoices", customer=customer, currency="usd", automatic_tax=on)["id"]
        item = {"customer": customer, "invoice": draft, "amount": 500, "currency": "usd"}
        assert stripe.refused("POST", "/v1/invoiceitems", **item, tax_rates=[vat])[1]["param"] == "tax_rates"
        made = stripe.post("/v1/invoiceitems", **item)["id"]
        assert stripe.refused("POST", f"/v1/invoiceitems/{made}", tax_rates=[vat])[0] == 400
        assert stripe.get(f"/v1/invoiceitems/{made}")["tax_rates"] == []
        assert stripe.refused("POST", f"/v1/invoices/{draft}", default_tax_rates=[vat])[0] == 400


def test_a_credit_of_a_line_contains_its_tax(stripe: SandboxClient) -> None:
    """Types: without automatic tax the requested amount contains the tax: half of 1200 is 500 and 100 of tax."""
    invoice = with_lines(stripe, stripe.customer(), [1000], [rate(stripe, 20)])
    stripe.post(f"/v1/invoices/{invoice['id']}/finalize")
    line: Obj = {"type": "invoice_line_item", "invoice_line_item": invoice["lines"]["data"][0]["id"], "amount": 600}
    note = stripe.post("/v1/credit_notes", invoice=invoice["id"], lines=[line])
    assert (note["amount"], note["total"], note["subtotal"], note["total_excluding_tax"]) == (600, 600, 500, 500)
    assert (note["lines"]["data"][0]["amount"], note["total_taxes"][0]["amount"]) == (500, 100)
    assert stripe.get(f"/v1/invoices/{invoice['id']}")["amount_remaining"] == 600
