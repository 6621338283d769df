"""Parameters beside those that the pipeline sends, as a customer of the API would send them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.sandbox_client import SandboxClient, sandbox_client


@pytest.fixture(name="stripe")
def _stripe() -> Iterator[SandboxClient]:
    with sandbox_client() as client:
        yield client


def monthly(stripe: SandboxClient, amount: int = 1000) -> str:
    """Return the id of a new monthly price."""
    form = {"currency": "usd", "product_data": {"name": "Plan"}, "recurring": {"interval": "month"}}
    return str(stripe.post("/v1/prices", unit_amount=amount, **form)["id"])


def test_a_line_makes_its_product(stripe: SandboxClient) -> None:
    draft = stripe.post("/v1/invoices", customer=stripe.customer())["id"]
    inline = {"currency": "usd", "product_data": {"name": "Setup"}, "unit_amount": 5}
    after = stripe.post(f"/v1/invoices/{draft}/add_lines", lines=[{"price_data": inline, "quantity": 3}])
    product = after["lines"]["data"][0]["pricing"]["price_details"]["product"]
    assert (after["total"], stripe.get(f"/v1/products/{product}")["name"]) == (15, "Setup")
    for both in ({**inline, "product": product}, {"currency": "usd", "unit_amount": 5}):
        status, error = stripe.refused("POST", f"/v1/invoices/{draft}/add_lines", lines=[{"price_data": both}])
        assert (status, error["message"]) == (
            400,
            "You must specify either `product` or `product_data` when creating a price.",
        )


def test_a_creation_takes_items_by_the_content_of_their_price(stripe: SandboxClient) -> None:
    product = stripe.post("/v1/products", name="Setup")["id"]
    form = {"customer": stripe.customer(), "items": [{"price": monthly(stripe)}]}
    once = {"price_data": {"currency": "usd", "product": product, "unit_amount": 250}, "quantity": 2}
    made = stripe.post("/v1/subscriptions", add_invoice_items=[once], expand=["latest_invoice"], **form)
    assert made["latest_invoice"]["total"] == 1500
    status, error = stripe.refused("POST", "/v1/subscriptions", add_invoice_items=[{"quantity": 1}], **form)
    assert (status, error["param"]) == (400, "add_invoice_items[0][price]")


@pytest.mark.parametrize(("saved", "is_kept"), [("on_subscription", True), ("off", False)])
def test_the_method_that_pays_is_kept_where_the_settings_say_so(
    stripe: SandboxClient, saved: str, is_kept: bool
) -> None:
    customer = stripe.customer()
    method = stripe.get(f"/v1/customers/{customer}")["invoice_settings"]["default_payment_method"]
    made = stripe.post(
        "/v1/subscriptions", customer=customer, items=[{"price": monthly(stripe)}],
        payment_settings={"save_default_payment_method": saved}, expand=["latest_invoice.payments"],
    )  # fmt: skip
    assert made["default_payment_method"] == (method if is_kept else None)
    assert made["payment_settings"]["save_default_payment_method"] == saved
    (payment,) = made["latest_invoice"]["payments"]["data"]
    assert (payment["amount_paid"], payment["status"]) == (1000, "paid")


def test_what_an_invoice_looks_like(stripe: SandboxClient) -> None:
    fields = [{"name": "PO", "value": "7"}]
    form = {"custom_fields": fields, "footer": "Thanks", "rendering": {"amount_tax_display": "exclude_tax"}}
    draft = stripe.post("/v1/invoices", customer=stripe.customer(), **form)
    assert (draft["custom_fields"], draft["footer"], draft["description"]) == (fields, "Thanks", None)
    assert draft["rendering"]["amount_tax_display"] == "exclude_tax"
    assert draft["rendering"]["pdf"] == {"page_size": "auto"}
    after = stripe.post(
        f"/v1/invoices/{draft['id']}", custom_fields="", payment_settings={"payment_method_types": ["card"]}
    )
    assert (after["custom_fields"], after["footer"]) == (None, "Thanks")
    assert after["payment_settings"]["payment_method_types"] == ["card"]
    stripe.post(f"/v1/invoices/{draft['id']}/finalize")
    status, error = stripe.refused("POST", f"/v1/invoices/{draft['id']}", footer="No")
    assert (status, error["param"]) == (400, "footer")


def test_credit_notes_of_an_invoice_are_numbered(stripe: SandboxClient) -> None:
    customer = stripe.customer()
    stripe.post("/v1/invoiceitems", customer=customer, amount=900, currency="usd")
    draft = stripe.post("/v1/invoices", customer=customer, pending_invoice_items_behavior="include")["id"]
    paid = stripe.post(f"/v1/invoices/{draft}/pay")
    line = {"type": "invoice_line_item", "invoice_line_item": paid["lines"]["data"][0]["id"], "amount": 100}
    form = {"invoice": draft, "lines": [line], "credit_amount": 100, "reason": "duplicate"}
    notes = [stripe.post("/v1/credit_notes", **form) for _ in range(2)]
    assert [note["number"] for note in notes] == [f"{paid['number']}-CN-01", f"{paid['number']}-CN-02"]
    assert {note["reason"] for note in notes} == {"duplicate"}
    assert stripe.post(f"/v1/credit_notes/{notes[0]['id']}", memo="Sorry")["memo"] == "Sorry"


def test_lists_are_filtered_by_the_terms_and_the_period(stripe: SandboxClient) -> None:
    customer, price = stripe.customer(), monthly(stripe)
    sent = {"collection_method": "send_invoice", "days_until_due": 7}
    made = [
        stripe.post("/v1/subscriptions", customer=customer, items=[{"price": price}], **more) for more in ({}, sent)
    ]
    end = made[0]["items"]["data"][0]["current_period_end"]

    def found(**filters: object) -> list[str]:
        return [row["id"] for row in stripe.get("/v1/subscriptions", **filters)["data"]]

    assert found(collection_method="send_invoice") == [made[1]["id"]]
    assert found(current_period_end={"lt": end}) == []
    assert len(found(current_period_end={"gte": end})) == 2
    product = stripe.post("/v1/products", name="Site", url="https://site.example/a", shippable=False)["id"]
    assert [row["id"] for row in stripe.get("/v1/products", url="https://site.example/a")["data"]] == [product]
    changed = stripe.post(f"/v1/products/{product}", images=["https://site.example/i.png"], shippable=True)
    assert (changed["images"], changed["shippable"]) == (["https://site.example/i.png"], True)


def test_a_configuration_of_the_portal_keeps_what_is_not_given(stripe: SandboxClient) -> None:
    cancel = {"enabled": True, "cancellation_reason": {"enabled": True, "options": ["too_expensive"]}}
    form = {"features": {"subscription_cancel": cancel}, "business_profile": {"headline": "Hello"}}
    made = stripe.post("/v1/billing_portal/configurations", **form)["id"]
    after = stripe.post(
        f"/v1/billing_portal/configurations/{made}", business_profile={"privacy_policy_url": "https://a.example/p"},
        features={"subscription_cancel": {"cancellation_reason": {"enabled": False}}},
    )  # fmt: skip
    assert after["features"]["subscription_cancel"]["cancellation_reason"] == {
        "enabled": False,
        "options": ["too_expensive"],
    }
    assert after["business_profile"]["headline"] == "Hello"
    assert after["business_profile"]["privacy_policy_url"] == "https://a.example/p"


@pytest.mark.parametrize(("part", "value", "most"), [("second", 60, 59), ("hour", 24, 23), ("day_of_month", 32, 31)])
def test_an_anchor_that_is_no_time_is_refused(stripe: SandboxClient, part: str, value: int, most: int) -> None:
    config = {"day_of_month": 1} | {part: value}
    form = {"customer": stripe.customer(), "items": [{"price": monthly(stripe)}]}
    status, error = stripe.refused("POST", "/v1/subscriptions", billing_cycle_anchor_config=config, **form)
    assert (status, error["param"]) == (400, f"billing_cycle_anchor_config[{part}]")
    assert f"less than or equal to {most}" in error["message"]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("customers/search", {"query": "name:'a'"}),
        ("subscriptions/search", {"query": "status:'active'"}),
        ("credit_notes/preview", {"invoice": "in_1"}),
    ],
)
def test_an_endpoint_that_is_not_modelled_has_its_own_name(
    stripe: SandboxClient, path: str, given: dict[str, str]
) -> None:
    """Its path has the form of another one, whose id it is not."""
    status, error = stripe.refused("GET", f"/v1/{path}", **given)
    assert (status, error["message"]) == (501, f"The sandbox does not model GET /v1/{path}")
