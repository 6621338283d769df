"""Pending items that automatic tax refuses, and the tax behaviour of invoice items (SB 17.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sandbox_client import DAY, HOUR, Obj, SandboxClient, sandbox_client

ON: Any = {"enabled": True}
SET_UP: Obj = {"status": "active", "defaults": {"tax_behavior": None, "provider": "stripe", "tax_code": None}}
# Pending items that automatic tax refuses, each with a part of the message of the refused finalization.
REFUSED: dict[str, tuple[Obj, str]] = {
    "of no tax behaviour": ({"amount": 500}, "`tax_behavior` must be set"),
    "unspecified": ({"amount": 500, "tax_behavior": "unspecified"}, "`tax_behavior` must be set"),
    "with a rate of its own": ({"amount": 500, "tax_behavior": "exclusive", "tax_rates": True}, "`tax_rates`"),
    "negative": ({"amount": -100, "tax_behavior": "exclusive"}, "Negative invoice items"),
}


@pytest.fixture(name="stripe", params=[True, False], ids=["refused", "billed"])
def _stripe(request: pytest.FixtureRequest) -> Iterator[SandboxClient]:
    unknowns = {"pending_negative_with_tax": request.param}
    with sandbox_client(tax_settings=SET_UP, unknowns=unknowns) as client:
        yield client


def customer_in_texas(stripe: SandboxClient) -> str:
    return stripe.customer(address={"country": "US", "postal_code": "78701"})


def pending(stripe: SandboxClient, customer: str, content: Obj) -> Obj:
    """Return a new pending item of a customer; ``tax_rates`` true is a rate of its own."""
    given = dict(content)
    if given.pop("tax_rates", False):
        rate = stripe.post("/v1/tax_rates", display_name="VAT", percentage=20, inclusive=False)
        given["tax_rates"] = [rate["id"]]
    return stripe.post("/v1/invoiceitems", customer=customer, currency="usd", **given)


def check(stripe: SandboxClient, invoice: Obj, words: str) -> None:
    """Assert that an invoice is a draft with the reason, or was finalized, as the world's answer says."""
    error = (invoice["last_finalization_error"] or {}).get("message", "")
    if stripe.world.unknowns["pending_negative_with_tax"]:
        assert invoice["status"] == "draft" and words in error
    else:
        assert invoice["status"] in ("open", "paid") and not error


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_a_pending_item_that_tax_refuses_keeps_a_renewal_a_draft(
    stripe: SandboxClient, content: Obj, words: str
) -> None:
    """SB 17.4."""
    customer, product = customer_in_texas(stripe), stripe.post("/v1/products", name="Beam")["id"]
    price = stripe.post(
        "/v1/prices", product=product, unit_amount=2000, currency="usd", tax_behavior="exclusive",
        recurring={"interval": "month"},
    )["id"]  # fmt: skip
    made = stripe.post("/v1/subscriptions", customer=customer, items=[{"price": price}], automatic_tax=ON)
    pending(stripe, customer, content)
    stripe.later(31 * DAY)
    stripe.later(2 * HOUR)
    renewal = stripe.get("/v1/invoices", subscription=made["id"], limit=1)["data"][0]
    assert renewal["subtotal"] == 2000 + content["amount"]
    check(stripe, renewal, words)


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_a_pending_item_that_tax_refuses_keeps_a_one_off_invoice_a_draft(
    stripe: SandboxClient, content: Obj, words: str
) -> None:
    """SB 17.4, and 3.6 (``include``)."""
    customer = customer_in_texas(stripe)
    pending(stripe, customer, content)
    pending(stripe, customer, {"amount": 3000, "tax_behavior": "exclusive"})
    made = stripe.post(
        "/v1/invoices", customer=customer, pending_invoice_items_behavior="include", automatic_tax=ON, auto_advance=True
    )
    assert made["lines"]["total_count"] == 2
    stripe.later(2 * HOUR)
    check(stripe, stripe.get(f"/v1/invoices/{made['id']}"), words)


def test_a_pending_item_with_its_tax_behaviour_is_billed(stripe: SandboxClient) -> None:
    customer = customer_in_texas(stripe)
    item = pending(stripe, customer, {"amount": 500, "tax_behavior": "inclusive", "tax_code": "txcd_10103001"})
    price = stripe.get(f"/v1/prices/{item['pricing']['price_details']['price']}")
    assert (price["tax_behavior"], price["active"]) == ("inclusive", False)
    form: Obj = {"customer": customer, "pending_invoice_items_behavior": "include", "automatic_tax": ON}
    made = stripe.post("/v1/invoices", **form)
    assert stripe.post(f"/v1/invoices/{made['id']}/finalize")["status"] == "open"


def test_the_tax_behaviour_of_an_item_is_set_once(stripe: SandboxClient) -> None:
    """Types, ``tax_behavior``: once inclusive or exclusive, it cannot be changed."""
    customer = customer_in_texas(stripe)
    item = pending(stripe, customer, {"amount": 500})
    changed = stripe.post(f"/v1/invoiceitems/{item['id']}", tax_behavior="exclusive")
    assert changed["pricing"]["price_details"]["price"] != item["pricing"]["price_details"]["price"]
    dearer = stripe.post(f"/v1/invoiceitems/{item['id']}", amount=700)
    price = stripe.get(f"/v1/prices/{dearer['pricing']['price_details']['price']}")
    assert (price["tax_behavior"], price["unit_amount"]) == ("exclusive", 700)
    assert stripe.refused("POST", f"/v1/invoiceitems/{item['id']}", tax_behavior="inclusive")[1]["param"] == (
        "tax_behavior"
    )


def test_an_unknown_tax_behaviour_is_refused(stripe: SandboxClient) -> None:
    form: Obj = {"customer": stripe.customer(), "amount": 500, "currency": "usd"}
    status, error = stripe.refused("POST", "/v1/invoiceitems", **form, tax_behavior="sideways")
    assert (status, error["param"]) == (400, "tax_behavior")


def test_a_price_has_its_own_tax_behaviour(stripe: SandboxClient) -> None:
    product = stripe.post("/v1/products", name="Setup")["id"]
    price = stripe.post("/v1/prices", product=product, unit_amount=900, currency="usd")["id"]
    form: Obj = {"customer": stripe.customer(), "pricing": {"price": price}, "tax_behavior": "exclusive"}
    assert stripe.send("POST", "/v1/invoiceitems", **form)[0] == 501


def one_time(stripe: SandboxClient, **more: Any) -> str:
    """Return the id of a price of 5.00; ``more`` are its parameters."""
    product = stripe.post("/v1/products", name="Nail")["id"]
    return str(stripe.post("/v1/prices", product=product, unit_amount=500, currency="usd", **more)["id"])


def recurring(stripe: SandboxClient, **more: Any) -> str:
    return one_time(stripe, recurring={"interval": "month"}, **more)


TAXED: Any = {"tax_behavior": "exclusive"}


def unspecified(param: str) -> tuple[int, Obj]:
    message = "`tax_behavior` must be set on every item while automatic tax is enabled."
    return 400, {"type": "invalid_request_error", "message": message, "param": param}


@pytest.mark.parametrize("kind", ["creation", "update", "update at once", "preview"])
def test_an_added_item_that_tax_refuses_is_refused_with_its_request(stripe: SandboxClient, kind: str) -> None:
    """SB 17.4: of ``add_invoice_items``, by its parameter; nothing is written."""
    customer, price = customer_in_texas(stripe), recurring(stripe, **TAXED)
    added = [{"price": one_time(stripe, **TAXED)}, {"price": one_time(stripe)}]
    form: Obj = {"customer": customer, "items": [{"price": price}], "automatic_tax": ON}
    if kind == "creation":
        found = stripe.refused("POST", "/v1/subscriptions", **form, add_invoice_items=added)
        assert stripe.get("/v1/subscriptions", customer=customer)["data"] == []
        assert stripe.get("/v1/invoices", customer=customer)["data"] == []
    elif kind == "preview":
        details: Obj = {"items": [{"price": price}]}
        found = stripe.refused(
            "POST", "/v1/invoices/create_preview", customer=customer, automatic_tax=ON, subscription_details=details,
            invoice_items=added,
        )  # fmt: skip
    else:
        made = stripe.post("/v1/subscriptions", **form)
        at_once: Obj = {
            "proration_behavior": "always_invoice",
            "items": [{"id": made["items"]["data"][0]["id"], "quantity": 2}],
        }
        found = stripe.refused(
            "POST", f"/v1/subscriptions/{made['id']}", add_invoice_items=added, metadata={"seen": "yes"},
            **(at_once if kind == "update at once" else {}),
        )  # fmt: skip
        assert stripe.get(f"/v1/subscriptions/{made['id']}")["metadata"] == {}
    assert found == unspecified(f"{'invoice_items' if kind == 'preview' else 'add_invoice_items'}[1][price]")
    assert stripe.get("/v1/invoiceitems", customer=customer)["data"] == []


@pytest.mark.parametrize("how", ["changed", "added", "by its item", "as an item"])
def test_a_price_of_no_tax_behaviour_is_refused_on_an_update_of_a_taxed_subscription(
    stripe: SandboxClient, how: str
) -> None:
    """SB 17.4: whether or not the update names ``automatic_tax``."""
    customer, bad = customer_in_texas(stripe), recurring(stripe)
    form: Obj = {"customer": customer, "items": [{"price": recurring(stripe, **TAXED)}], "automatic_tax": ON}
    made = stripe.post("/v1/subscriptions", **form)
    item = made["items"]["data"][0]["id"]
    path, given = {
        "changed": (f"/v1/subscriptions/{made['id']}", {"items": [{"id": item, "price": bad}]}),
        "added": (f"/v1/subscriptions/{made['id']}", {"items": [{"price": bad}]}),
        "by its item": (f"/v1/subscription_items/{item}", {"price": bad}),
        "as an item": ("/v1/subscription_items", {"subscription": made["id"], "price": bad}),
    }[how]
    status, error = stripe.refused("POST", path, **given)
    assert (status, error["message"]) == (400, f"The price {bad} has no tax_behavior.")
    assert [i["id"] for i in stripe.get(f"/v1/subscriptions/{made['id']}")["items"]["data"]] == [item]
    stripe.post(f"/v1/subscriptions/{made['id']}", automatic_tax={"enabled": False}, items=[{"price": bad}])
