"""Rows that a person sees to: what they are made from, and what closes each (domain/plan/owed.py)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual.pending_items import Pending
from stripe_sync.domain.model.stripe_invoices import CreditNote, StripeInvoice, StripeInvoiceItem
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.owed import Owed, Shown, as_seen, closed_by, owed_of
from tests.support.invoices import shown_invoice

CHARGE = Owed("charge", "usd", 500, ("ii_1", "ii_2"), "prod_1", removed=False)
CREDIT = Owed("credit", "usd", 300, ("ii_3",), "prod_1")
NOTHING = Shown({}, {}, (), {})


def note(**more: Any) -> CreditNote:
    fields = {"id": "cn_1", "currency": "usd", "total": 300, "subtotal": 300, "metadata": {}}
    return from_stripe(fields | more, CreditNote)


def pending_item(**more: Any) -> StripeInvoiceItem:
    fields = {"id": "ii_1", "amount": 500, "currency": "usd", "period": {"start": 1, "end": 2}}
    return from_stripe(fields | more, StripeInvoiceItem)


def item(id: str, amount: int, product: str, *, own: bool = True) -> Pending:
    return Pending(id, amount, "usd", product, own, 1, 2)


def test_rows_of_a_cancellation() -> None:
    items = [
        item("ii_1", 700, "prod_1"),
        item("ii_2", -200, "prod_1"),
        item("ii_3", -300, "prod_2"),
        item("ii_4", -50, "prod_3", own=False),
        item("ii_5", 50, "prod_4"),
        item("ii_6", -50, "prod_4"),
    ]
    noted = {
        "pending": [vars(i) for i in items],
        "unused": {"amount": 9, "currency": "usd", "invoice": "in_1"},
    }
    action = Action(kind=ActionKind.SUBSCRIPTION_CANCEL, lane="subscriptions", target="t", after={}, noted=noted)
    assert [(row.kind, row.amount, row.part) for row in owed_of(action)] == [
        ("charge", 500, "ii_1,ii_2"),
        ("credit", 300, "ii_3"),
        ("foreign", -50, "ii_4"),
        ("unused", 9, "unused in_1"),
    ]


def test_a_change_that_a_renewal_has_overtaken_leaves_a_credit_on_its_invoice() -> None:
    after = {"credit": {"invoice": "in_1", "currency": "usd", "amount": "250"}}
    (row,) = owed_of(Action(kind=ActionKind.SUBSCRIPTION_UPDATE, lane="subscriptions", target="t", after=after))
    assert (row.kind, row.amount, row.invoice) == ("credit", 250, "in_1")
    for amounts, closed in (
        ({"post_payment_credit_notes_amount": 249}, ""),
        (
            {"pre_payment_credit_notes_amount": 50, "post_payment_credit_notes_amount": 200},
            "credited",
        ),
    ):
        shown = Shown({}, {}, (), {"in_1": shown_invoice({"status": "paid"} | amounts)})
        assert closed_by(row, shown, used=()) == closed
    assert closed_by(row, Shown({}, {}, (), {"in_1": shown_invoice({"status": "void"})}), used=()) == "void"
    assert closed_by(row, Shown({}, {}, (), {"in_1": None}), used=()) == "void"


@pytest.mark.parametrize(
    ("first", "second", "closed"),
    [
        (pending_item(invoice=None), None, ""),
        (None, None, "billed or deleted in Stripe"),
        (pending_item(invoice="in_1"), None, "billed or deleted in Stripe"),
        (pending_item(invoice="in_1"), pending_item(invoice=None), ""),
    ],
)
def test_a_charge_closes_when_all_its_items_are_billed_or_gone(
    first: StripeInvoiceItem | None, second: StripeInvoiceItem | None, closed: str
) -> None:
    shown = Shown({"ii_1": first, "ii_2": second}, {}, (), {})
    assert closed_by(CHARGE, shown, used=()) == closed


@pytest.mark.parametrize(
    ("status", "closed"),
    [("draft", ""), ("void", ""), ("open", "billed or deleted in Stripe"), ("paid", "billed or deleted in Stripe")],
)
def test_a_charge_on_a_renewal_stays_open_until_that_is_final_and_not_void(status: str, closed: str) -> None:
    """A renewal in between takes the pending item along, and is void in the end: its 5.00 are not billed then."""
    items = {"ii_1": pending_item(invoice="in_1"), "ii_2": None}
    shown = Shown(items, {}, (), {"in_1": shown_invoice({"status": status})})
    assert closed_by(CHARGE, shown, used=()) == closed


def test_a_charge_whose_items_stripe_removed_closes_by_its_name_on_a_line_alone() -> None:
    removed = Owed("charge", "usd", 500, ("ii_1", "ii_2"), "prod_1", removed=True)
    assert closed_by(removed, NOTHING, used=()) == ""
    assert closed_by(removed, Shown({}, {"ii_1,ii_2": ("in_9",)}, (), {}), used=()) == "billed"


@pytest.mark.parametrize(
    ("given", "closed"),
    [
        (note(), "cn_1"),
        (note(total=357), "cn_1"),
        (note(total=301, subtotal=301), ""),
        (note(currency="eur"), ""),
        (note(total=1000, subtotal=1000, metadata={"stiggPending": "ii_3"}), "cn_1"),
    ],
)
def test_a_credit_closes_by_a_credit_note_of_its_amount_or_name(given: CreditNote, closed: str) -> None:
    assert closed_by(CREDIT, Shown({}, {}, [given], {}), used=()) == closed
    assert closed_by(CREDIT, Shown({}, {}, [given], {}), used={"cn_1"}) == "", "one credit note gives one credit"


def invoice(status: str, **more: Any) -> StripeInvoice:
    return shown_invoice({"id": "in_9", "status": status, "auto_advance": True} | more)


@pytest.mark.parametrize(
    ("body", "why", "closed", "waits"),
    [
        (invoice("draft"), "", "", True),
        (invoice("draft"), "could not be finalized", "", False),
        (invoice("open"), "", "billed", False),
        (invoice("open", auto_advance=False), "nothing collects", "", False),
        (invoice("paid"), "", "billed", False),
        (invoice("void"), "", "void", False),
        (invoice("uncollectible"), "", "uncollectible", False),
        (None, "", "deleted in Stripe", False),
    ],
)
def test_our_invoice_of_charges_closes_them_once_it_is_collected(
    body: StripeInvoice | None, why: str, closed: str, waits: bool
) -> None:
    shown = Shown({}, {}, (), {"in_9": body}, {"in_9"} if body else (), {"in_9": why} if why else {})
    row = as_seen(replace(CHARGE, invoice="in_9", removed=True), shown)
    assert (closed_by(row, shown, used=()), row.waits) == (closed, waits)


def test_the_invoice_of_charges_is_told_by_the_name_on_its_line() -> None:
    shown = Shown({}, {"ii_1,ii_2": ["in_9"]}, (), {"in_9": invoice("draft")}, {"in_9"})
    assert as_seen(CHARGE, shown).invoice == "in_9"
    another = replace(shown, named={"ii_1,ii_2": ["in_8", "in_9"]})
    assert closed_by(as_seen(CHARGE, another), another, used=()) == "billed", (
        "a person bills them on an invoice of theirs"
    )


@pytest.mark.parametrize(
    ("body", "why", "closed"),
    [
        (invoice("open"), "", "collected again"),
        (invoice("open", auto_advance=False), "", ""),
        (invoice("draft"), "has no time of finalization", ""),
        (invoice("paid", auto_advance=False), "", "paid"),
        (None, "", "deleted in Stripe"),
    ],
)
def test_an_invoice_that_is_owed_closes_once_it_is_collected_again(
    body: StripeInvoice | None, why: str, closed: str
) -> None:
    row = Owed("uncollected", "usd", 2000, invoice="in_9")
    assert closed_by(row, Shown({}, {}, (), {"in_9": body}, (), {"in_9": why}), used=()) == closed


def test_rows_of_whole_invoices() -> None:
    """Collected and owed amounts, and charges for time after the end; a stopped invoice has neither."""
    seen: dict[str, Any] = {"status": "open", "auto_advance": True, "currency": "usd", "amount": 700}
    noted = {
        "collected": [seen | {"id": "in_1"}, seen | {"id": "in_2", "auto_advance": False}, seen | {"id": "in_3"}],
        "sold_after": [{"invoice": "in_3", "currency": "usd", "amount": 500}],
    }
    action = Action(kind=ActionKind.SUBSCRIPTION_CANCEL, lane="subscriptions", target="t", after={}, noted=noted)
    assert [(row.kind, row.amount, row.invoice) for row in owed_of(action)] == [
        ("sold_after", 500, "in_3"),
        ("uncollected", 700, "in_1"),
    ]
