"""The invoice endpoints of the sandbox against what the real Stripe answered (FACTS_A, FACTS_B) and documents (SB)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sandbox_client import DAY, HOUR, NOW, SandboxClient, sandbox_client


@pytest.fixture(name="stripe")
def _stripe() -> Iterator[SandboxClient]:
    with sandbox_client() as client:
        yield client


def test_a_draft_takes_nothing_by_itself_and_never_advances(stripe: SandboxClient) -> None:
    """FACTS_B 1, 2, 5, 6, 7."""
    customer = stripe.customer()
    stripe.post("/v1/invoiceitems", customer=customer, amount=2000, currency="usd")
    draft = stripe.post("/v1/invoices", customer=customer)
    assert (draft["total"], draft["lines"]["data"], draft["status"], draft["billing_reason"]) == (
        0,
        [],
        "draft",
        "manual",
    )
    assert (draft["auto_advance"], draft["automatically_finalizes_at"], draft["next_payment_attempt"]) == (
        False,
        None,
        None,
    )
    assert draft["period_start"] == draft["period_end"] == draft["created"] == draft["webhooks_delivered_at"]
    assert (draft["number"], draft["effective_at"], draft["ending_balance"], draft["starting_balance"]) == (
        None,
        None,
        None,
        0,
    )
    assert (draft["hosted_invoice_url"], draft["invoice_pdf"]) == (None, None)
    assert draft["rendering"]["pdf"]["page_size"] == "auto"
    stripe.later(3 * DAY)
    assert stripe.get(f"/v1/invoices/{draft['id']}")["status"] == "draft"


def test_include_takes_what_is_pending_newest_first(stripe: SandboxClient) -> None:
    """FACTS_B 3, 4, 8, 24."""
    customer = stripe.customer()
    first = stripe.post("/v1/invoiceitems", customer=customer, amount=2000, currency="usd", description="first")
    stripe.post("/v1/invoiceitems", customer=customer, amount=1500, currency="usd")
    stripe.post(f"/v1/invoiceitems/{first['id']}", description="revised")
    draft = stripe.post("/v1/invoices", customer=customer, pending_invoice_items_behavior="include")
    assert [line["amount"] for line in draft["lines"]["data"]] == [1500, 2000]
    assert draft["lines"]["data"][1]["description"] == "revised"
    assert draft["amount_due"] == draft["amount_remaining"] == draft["total"] == 3500
    assert draft["lines"]["total_count"] == 2
    assert "total_count" not in stripe.get(f"/v1/invoices/{draft['id']}/lines")
    empty = stripe.post("/v1/invoices", customer=customer, pending_invoice_items_behavior="include")
    assert (empty["total"], empty["lines"]["data"]) == (0, [])


def test_auto_advance_counts_from_creation(stripe: SandboxClient) -> None:
    """FACTS_B 9, 10, 11, SB 1.2: 3601 and 3600 seconds after ``created``, never after the update."""
    customer = stripe.customer()
    draft = stripe.post("/v1/invoices", customer=customer, auto_advance=True)
    times = (draft["automatically_finalizes_at"] - draft["created"], draft["next_payment_attempt"] - draft["created"])
    assert times == (3601, 3600)
    stripe.later(60)
    off = stripe.post(f"/v1/invoices/{draft['id']}", auto_advance=False)
    assert (off["automatically_finalizes_at"], off["next_payment_attempt"]) == (None, None)
    on = stripe.post(f"/v1/invoices/{draft['id']}", auto_advance=True)
    assert (on["automatically_finalizes_at"], on["next_payment_attempt"]) == (
        draft["created"] + 3601,
        draft["created"] + 3600,
    )
    sent = stripe.post(
        "/v1/invoices", customer=customer, auto_advance=True, collection_method="send_invoice", days_until_due=7
    )
    assert (sent["automatically_finalizes_at"], sent["next_payment_attempt"]) == (sent["created"] + 3601, None)


def test_an_old_draft_that_is_switched_on_is_due_at_once(stripe: SandboxClient) -> None:
    """SB 1.2: the time counts from ``created``."""
    draft = stripe.invoice(stripe.customer())
    stripe.later(DAY)
    stripe.post(f"/v1/invoices/{draft['id']}", auto_advance=True)
    stripe.later(1)
    assert stripe.get(f"/v1/invoices/{draft['id']}")["status"] == "paid"


@pytest.mark.parametrize("refused", [True, False])
def test_a_time_without_auto_advance_never_comes(refused: bool) -> None:
    """SB 6.1: refused, or taken and never kept to."""
    with sandbox_client(unknowns={"time_needs_auto_advance": refused}) as stripe:
        draft = stripe.invoice(stripe.customer())
        status, body = stripe.send("POST", f"/v1/invoices/{draft['id']}", automatically_finalizes_at=NOW + HOUR)
        assert status == (400 if refused else 200)
        assert refused or body["automatically_finalizes_at"] is None
        stripe.later(DAY)
        assert stripe.get(f"/v1/invoices/{draft['id']}")["status"] == "draft"
        both = {"automatically_finalizes_at": NOW + 2 * DAY, "auto_advance": True}
        assert stripe.post(f"/v1/invoices/{draft['id']}", **both)["automatically_finalizes_at"] == NOW + 2 * DAY


def test_deleting_a_draft_takes_its_items_along(stripe: SandboxClient) -> None:
    """FACTS_B 12, 13, 14."""
    customer = stripe.customer()
    item = stripe.post("/v1/invoiceitems", customer=customer, amount=2000, currency="usd")["id"]
    draft = stripe.post("/v1/invoices", customer=customer, pending_invoice_items_behavior="include")["id"]
    status, body = stripe.send("DELETE", f"/v1/invoices/{draft}")
    assert (status, body) == (200, {"id": draft, "object": "invoice", "deleted": True})
    assert stripe.get("/v1/invoiceitems", customer=customer, pending=True)["data"] == []
    assert stripe.get("/v1/invoices", customer=customer)["data"] == []
    words = "Can't delete an invoice item that is attached to an invoice that is no longer editable"
    assert stripe.refused("DELETE", f"/v1/invoiceitems/{item}") == (
        400,
        {"type": "invalid_request_error", "message": words},
    )
    words = "This invoice item has been deleted."
    assert stripe.refused("POST", f"/v1/invoiceitems/{item}", amount=5) == (
        400,
        {"type": "invalid_request_error", "message": words},
    )


def test_lines_are_edited_through_the_invoice(stripe: SandboxClient) -> None:
    """FACTS_B 18, 19, 21, 22, 23, 25."""
    draft = stripe.post("/v1/invoices", customer=stripe.customer())["id"]
    whole = stripe.post(f"/v1/invoices/{draft}/add_lines", lines=[{"amount": 700, "description": "one"}])
    (line,) = whole["lines"]["data"]
    item = line["parent"]["invoice_item_details"]["invoice_item"]
    assert (whole["object"], whole["total"]) == ("invoice", 700)
    assert stripe.get(f"/v1/invoiceitems/{item}")["amount"] == 700
    changed = stripe.post(f"/v1/invoices/{draft}/lines/{line['id']}", amount=800)
    assert (changed["object"], changed["id"], changed["amount"]) == ("line_item", line["id"], 800)
    assert changed["parent"]["invoice_item_details"]["invoice_item"] == item
    whole = stripe.post(f"/v1/invoices/{draft}/update_lines", lines=[{"id": line["id"], "amount": 888}])
    assert (whole["total"], whole["lines"]["data"][0]["description"]) == (888, "one")
    whole = stripe.post(f"/v1/invoices/{draft}/remove_lines", lines=[{"id": line["id"], "behavior": "delete"}])
    assert (whole["lines"]["data"], whole["total"], whole["subtotal"], whole["status"]) == ([], 0, 0, "draft")


def test_paying_a_draft_finalizes_and_charges_it(stripe: SandboxClient) -> None:
    """FACTS_B 26, 27, 28, 31, 32."""
    customer = stripe.customer()
    prefix = stripe.get(f"/v1/customers/{customer}")["invoice_prefix"]
    draft = stripe.invoice(customer, 3500)
    paid = stripe.post(f"/v1/invoices/{draft['id']}/pay")
    assert (paid["status"], paid["attempt_count"], paid["attempted"], paid["number"]) == (
        "paid",
        1,
        True,
        f"{prefix}-0001",
    )
    times = paid["status_transitions"]
    assert times["finalized_at"] == times["paid_at"] == paid["effective_at"] == stripe.world.now
    assert (paid["amount_paid"], paid["amount_remaining"], paid["amount_due"]) == (3500, 0, 3500)
    assert (paid["default_payment_method"], paid["ending_balance"]) == (None, 0)
    assert paid["hosted_invoice_url"] and paid["invoice_pdf"]
    assert (paid["automatically_finalizes_at"], paid["rendering"]["pdf"]["page_size"]) == (None, "letter")
    assert [line["id"] for line in paid["lines"]["data"]] == [line["id"] for line in draft["lines"]["data"]]
    assert stripe.get(f"/v1/customers/{customer}")["next_invoice_sequence"] == 2


@pytest.mark.parametrize("verb", ["pay", "finalize", "send"])
def test_an_invoice_of_nothing_is_paid_at_once(stripe: SandboxClient, verb: str) -> None:
    """FACTS_B 30, 36, SB 1.8: whatever ``auto_advance`` says."""
    more = {"collection_method": "send_invoice", "days_until_due": 7} if verb == "send" else {}
    draft = stripe.invoice(stripe.customer(card=None), None, **more)
    paid = stripe.post(f"/v1/invoices/{draft['id']}/{verb}")
    assert (paid["status"], paid["attempted"], paid["attempt_count"]) == ("paid", True, 0)
    assert paid["status_transitions"]["paid_at"] == paid["status_transitions"]["finalized_at"]
    assert paid["number"].endswith("-0001")
    status, error = stripe.refused("POST", f"/v1/invoices/{draft['id']}/pay")
    assert (status, error) == (400, {"type": "invalid_request_error", "message": "Invoice is already paid"})


def test_finalizing_alone_never_charges(stripe: SandboxClient) -> None:
    """FACTS_B 29, SB 12.4."""
    draft = stripe.invoice(stripe.customer())
    opened = stripe.post(f"/v1/invoices/{draft['id']}/finalize")
    assert (opened["status"], opened["attempted"], opened["attempt_count"]) == ("open", False, 0)
    stripe.later(30 * DAY)
    assert stripe.get(f"/v1/invoices/{draft['id']}")["status"] == "open"


def test_finalized_with_auto_advance_it_is_collected_soon(stripe: SandboxClient) -> None:
    """SB 12.5: not by the call, but minutes later."""
    draft = stripe.invoice(stripe.customer())
    opened = stripe.post(f"/v1/invoices/{draft['id']}/finalize", auto_advance=True)
    assert (opened["status"], opened["attempted"]) == ("open", False)
    stripe.later(5 * 60)
    assert stripe.get(f"/v1/invoices/{draft['id']}")["status"] == "paid"


def test_a_decline_by_hand_does_not_mean_that_no_money_moves_later(stripe: SandboxClient) -> None:
    """SB 12.5: the 402 leaves it open, and where ``auto_advance`` is on Stripe takes the money minutes later."""
    customer = stripe.customer("0341")
    draft = stripe.invoice(customer, auto_advance=True)
    status, error = stripe.refused("POST", f"/v1/invoices/{draft['id']}/pay")
    assert (status, error["code"], error["decline_code"]) == (402, "card_declined", "generic_decline")
    opened = stripe.get(f"/v1/invoices/{draft['id']}")
    assert (opened["status"], opened["attempt_count"], opened["attempted"]) == ("open", 1, True)
    stripe.give(customer, "4242")
    stripe.later(5 * 60)
    assert stripe.get(f"/v1/invoices/{draft['id']}")["status"] == "paid"


def test_void_and_uncollectible_keep_their_amounts(stripe: SandboxClient) -> None:
    """FACTS_B 33, 34, 44, 45, 47."""
    customer = stripe.customer()
    drafts = [stripe.invoice(customer)["id"] for _ in range(2)]
    for draft, verb, field in zip(
        drafts, ("void", "mark_uncollectible"), ("voided_at", "marked_uncollectible_at"), strict=True
    ):
        status, error = stripe.refused("POST", f"/v1/invoices/{draft}/{verb}")
        assert (status, error["message"]) == (400, "You can only pass in open invoices. This invoice isn't open.")
        number = stripe.post(f"/v1/invoices/{draft}/finalize")["number"]
        over = stripe.post(f"/v1/invoices/{draft}/{verb}")
        assert (over["amount_due"], over["amount_remaining"], over["ending_balance"]) == (3000, 3000, 0)
        assert over["number"] == number and over["status_transitions"][field] == stripe.world.now
        assert over["status_transitions"]["finalized_at"] is not None
        assert stripe.refused("DELETE", f"/v1/invoices/{draft}")[1]["message"] == "You can only delete draft invoices."
    again = "This invoice has already been marked uncollectible."
    assert stripe.refused("POST", f"/v1/invoices/{drafts[1]}/mark_uncollectible")[1]["message"] == again


def test_what_a_paid_invoice_refuses(stripe: SandboxClient) -> None:
    """FACTS_B 40-46."""
    draft = stripe.invoice(stripe.customer(), collection_method="send_invoice", days_until_due=7, auto_advance=True)
    assert draft["due_date"] == draft["created"] + 7 * DAY, "FACTS_B 38"
    opened = stripe.post(f"/v1/invoices/{draft['id']}/finalize")
    assert (opened["auto_advance"], opened["next_payment_attempt"]) == (True, None), "FACTS_B 39"
    assert stripe.post(f"/v1/invoices/{draft['id']}/send")["attempted"] is False, "FACTS_B 37"
    paid = stripe.post(f"/v1/invoices/{draft['id']}/pay", paid_out_of_band=True)
    assert (paid["status"], paid["amount_paid"], paid["attempted"]) == ("paid", 3000, False)
    assert (paid["attempt_count"], paid["auto_advance"]) == (0, False)
    words = {
        "pay": "Invoice is already paid",
        "void": "Invoices with `paid` payments cannot be voided.",
        "mark_uncollectible": "You can only pass in open invoices. This invoice isn't open.",
        "finalize": "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
    }
    for verb, message in words.items():
        answer = stripe.refused("POST", f"/v1/invoices/{draft['id']}/{verb}")
        assert answer == (400, {"type": "invalid_request_error", "message": message})
    assert stripe.post(f"/v1/invoices/{draft['id']}", metadata={"a": "b"})["metadata"] == {"a": "b"}
    answer = stripe.refused("POST", f"/v1/invoices/{draft['id']}", description="x")
    message = "Finalized invoices can't be updated in this way"
    assert answer == (400, {"type": "invalid_request_error", "message": message, "param": "description"})


@pytest.mark.parametrize(
    ("params", "message", "param"),
    [
        ({"collection_method": "send_invoice"},
         "If invoice collection method is 'send_invoice', you must specify 'due_date' or 'days_until_due'.", None),
        ({"days_until_due": 7},
         "You can only specify 'due_date' or 'days_until_due' if invoice collection method is 'send_invoice'.", None),
        ({"nope": 1}, "Received unknown parameter: nope", "nope"),
        ({"customer": "cus_unwritten"}, "No such customer: 'cus_unwritten'", "customer"),
    ],
)  # fmt: skip
def test_creations_that_are_refused(
    stripe: SandboxClient, params: dict[str, Any], message: str, param: str | None
) -> None:
    """FACTS_B 48-51, 54."""
    given = {"customer": stripe.customer()} | params
    status, error = stripe.refused("POST", "/v1/invoices", **given)
    assert (status, error["message"], error.get("param")) == (400, message, param)


def test_which_parameter_an_unknown_invoice_blames(stripe: SandboxClient) -> None:
    """FACTS_B 52, 53."""
    blamed = {
        ("GET", ""): "invoice", ("DELETE", ""): "invoice", ("POST", "/send"): "invoice", ("POST", "/add_lines"): "invoice",
        ("POST", ""): "id", ("POST", "/pay"): "id", ("POST", "/finalize"): "id", ("POST", "/void"): "id",
        ("POST", "/mark_uncollectible"): "id",
    }  # fmt: skip
    for (verb, rest), param in blamed.items():
        more = {"lines": [{"amount": 1}]} if rest == "/add_lines" else {}
        status, error = stripe.refused(verb, f"/v1/invoices/in_unwritten{rest}", **more)
        assert (status, error["message"], error["param"]) == (404, "No such invoice: 'in_unwritten'", param), rest
    for verb in ("GET", "DELETE", "POST"):
        status, error = stripe.refused(verb, "/v1/invoiceitems/ii_unwritten")
        assert (status, error["message"]) == (404, "No such Invoice Item: 'ii_unwritten'(livemode=false)")
        assert error["param"] == "id"
