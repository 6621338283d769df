"""Pending items at a cancellation, by product: billed, credited, or a person's (BILLING 7)."""

from __future__ import annotations

from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual.pending_items import Pending, pending, settle
from stripe_sync.domain.model.stripe_invoices import StripeInvoiceItem


def item(
    id: str, amount: int, product: str | None = "prod_1", *, own: bool = True, currency: str = "usd", tax: str = "|"
) -> Pending:
    return Pending(id, amount, currency, product, own, 100, 200, tax)


def test_the_net_of_a_product_is_one_line() -> None:
    found = settle([item("ii_credit", -300), item("ii_debit", 700)])
    assert [(n.product, n.amount, n.items) for n in found.billed] == [("prod_1", 400, ("ii_credit", "ii_debit"))]
    assert (found.credited, found.persons) == ((), ())


def test_a_negative_product_is_never_set_off_against_another() -> None:
    found = settle([item("ii_1", -900), item("ii_2", 500, "prod_2")])
    assert [n.amount for n in found.billed] == [500]
    assert [n.amount for n in found.credited] == [-900]
    assert found.taken() == {"ii_1", "ii_2"}


def test_what_comes_to_nothing_is_taken_away_and_not_billed() -> None:
    found = settle([item("ii_1", -500), item("ii_2", 500)])
    assert found.billed == ()
    assert found.taken() == {"ii_1", "ii_2"}


def test_items_of_others_and_without_a_product_are_a_persons() -> None:
    found = settle([item("ii_theirs", 700, own=False), item("ii_bare", 100, None)])
    assert [p.id for p in found.persons] == ["ii_theirs", "ii_bare"]
    assert found.taken() == frozenset()


def test_tax_treatments_are_apart() -> None:
    """A debit with tax included and a credit with tax on top are not one amount."""
    inclusive = item("ii_1", 500, tax="inclusive|")
    exclusive = item("ii_2", -300, tax="exclusive|txr_1,txr_2")
    found = settle([inclusive, exclusive])
    assert [(n.amount, n.behavior, n.rates) for n in found.billed] == [(500, "inclusive", [])]
    assert [(n.amount, n.behavior, n.rates) for n in found.credited] == [(-300, "exclusive", ["txr_1", "txr_2"])]


def test_an_item_is_read_with_its_tax() -> None:
    price = {"price_details": {"price": "price_1", "product": "prod_1"}}
    body = {"id": "ii_1", "amount": 5, "currency": "usd", "pricing": price, "proration": True,
            "period": {"start": 1, "end": 2}, "tax_rates": [{"id": "txr_2"}, {"id": "txr_1"}]}  # fmt: skip
    assert from_stripe(body, StripeInvoiceItem).price() == "price_1"
    assert (
        pending(from_stripe(body, StripeInvoiceItem), has_marker=False, behavior="exclusive").tax
        == "exclusive|txr_1,txr_2"
    )
    assert pending(from_stripe(body | {"tax_rates": []}, StripeInvoiceItem), has_marker=False).tax == "|"


def test_currencies_are_apart() -> None:
    found = settle([item("ii_1", 500), item("ii_2", 300, currency="eur")])
    assert sorted((n.currency, n.amount) for n in found.billed) == [("eur", 300), ("usd", 500)]


def test_a_one_off_charge_is_apart_from_prorations_of_its_product() -> None:
    """An upgrade's 25.00, whose amount contains the coupon, is not discounted again; the 99.00 once are."""
    once = Pending("ii_1", 9900, "usd", "prod_1", own=True, start=100, end=100, discountable=True)
    found = settle([item("ii_2", 2500), once])
    assert [(n.amount, n.discountable, n.items) for n in found.billed] == [
        (2500, False, ("ii_2",)),
        (9900, True, ("ii_1",)),
    ]


def test_discountability_is_read_from_the_item() -> None:
    body = {"id": "ii_1", "amount": 5, "currency": "usd", "period": {"start": 1, "end": 1}}
    changes: tuple[dict[str, bool], ...] = ({"discountable": True}, {"discountable": False}, {})
    read = [pending(from_stripe(body | more, StripeInvoiceItem), has_marker=True) for more in changes]
    assert [one.discountable for one in read] == [True, False, False]
