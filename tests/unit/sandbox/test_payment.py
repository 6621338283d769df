"""Status of a renewal's invoice and subscription, by payment source, outcome and collection method.

The rows are printed as tables, one of renewals and one of first invoices, which sandbox/README.md shows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox_client import DAY, HOUR, SandboxClient, sandbox_client

README = Path(__file__).parents[3] / "sandbox" / "README.md"
Row = tuple[str, str, str, str, str, str]
Prepare = Callable[[SandboxClient, str, str], None]
SENT = {"collection_method": "send_invoice", "days_until_due": 7}


def card(last4: str) -> Prepare:
    """Return what makes the customer's default card answer as these digits do."""
    return lambda stripe, customer, subscription: stripe.give(customer, last4) and None


def own_card(last4: str) -> Prepare:
    """Return what gives the subscription a card of its own, beside the customer's, which declines."""

    def prepare(stripe: SandboxClient, customer: str, subscription: str) -> None:
        own = stripe.give(customer, last4)
        stripe.post(f"/v1/subscriptions/{subscription}", default_payment_method=own)
        stripe.give(customer, "0341")

    return prepare


def account(number: str) -> Prepare:
    """Return what makes a bank account the customer's default."""

    def prepare(stripe: SandboxClient, customer: str, subscription: str) -> None:
        form = {"type": "us_bank_account", "us_bank_account": {"account_number": number, "routing_number": "110000000"}}
        method = stripe.post("/v1/payment_methods", **form)["id"]
        stripe.post(f"/v1/payment_methods/{method}/attach", customer=customer)
        stripe.post(f"/v1/customers/{customer}", invoice_settings={"default_payment_method": method})

    return prepare


def none(stripe: SandboxClient, customer: str, subscription: str) -> None:
    """Take the customer's card away."""
    method = stripe.get(f"/v1/customers/{customer}")["invoice_settings"]["default_payment_method"]
    stripe.post(f"/v1/payment_methods/{method}/detach")


def balance(amount: int) -> Prepare:
    """Return what puts an amount on the customer's balance; a credit is negative."""

    def prepare(stripe: SandboxClient, customer: str, subscription: str) -> None:
        stripe.post(f"/v1/customers/{customer}/balance_transactions", amount=amount, currency="usd")

    return prepare


def paused(behavior: str) -> Prepare:
    """Return what pauses the collection."""

    def prepare(stripe: SandboxClient, customer: str, subscription: str) -> None:
        stripe.post(f"/v1/subscriptions/{subscription}", pause_collection={"behavior": behavior})

    return prepare


def nothing(stripe: SandboxClient, customer: str, subscription: str) -> None:
    """Leave everything as it is."""


# source of payment, outcome and collection method, then invoice and subscription an hour, a day and thirty days after
# the renewal's hour is over; a number of attempts stands beside the status.
CASES: list[tuple[Row, Prepare, dict[str, Any]]] = [
    (("the customer's card", "pays", "charge", "paid 1, active", "paid 1, active", "paid 1, active"), nothing, {}),
    (("the subscription's card, before the customer's", "pays", "charge", "paid 1, active", "paid 1, active", "paid 1, active"), own_card("4242"), {}),
    (("card 0341", "declines; then canceled", "charge", "open 1, past_due", "open 2, past_due", "open 9, canceled"), card("0341"), {}),
    (("card 9995 (no funds)", "declines; then unpaid", "charge", "open 1, past_due", "open 2, past_due", "open 9, unpaid"), card("9995"), {"after_retries": "unpaid"}),
    (("card 0341", "declines; then nothing", "charge", "open 1, past_due", "open 2, past_due", "open 9, past_due"), card("0341"), {"after_retries": "past_due"}),
    (("card 0341", "declines; invoice written off", "charge", "open 1, past_due", "open 2, past_due", "uncollectible 9, canceled"), card("0341"), {"invoice_after_retries": "uncollectible"}),
    (("card 9987 (lost)", "hard decline: counted, not tried", "charge", "open 1, past_due", "open 2, past_due", "open 9, canceled"), card("9987"), {}),
    (("card 3220", "wants 3DS: counted, not tried", "charge", "open 1, past_due", "open 2, past_due", "open 9, canceled"), card("3220"), {}),
    (("none", "never attempted", "charge", "open 0, past_due", "open 0, past_due", "open 0, canceled"), none, {}),
    (("bank account", "processing, succeeds", "charge", "open 1, active", "open 1, active", "paid 1, active"), account("000123456789"), {}),
    (("bank account", "processing, fails (debits of 4 days)", "charge", "open 1, active", "open 1, active", "open 8, past_due"), account("000222222227"), {}),
    (("credit on the balance", "covers it", "charge", "paid 0, active", "paid 0, active", "paid 0, active"), balance(-2000), {}),
    (("credit on the balance", "leaves 0.30, which is a debt then", "charge", "paid 0, active", "paid 0, active", "paid 0, active"), balance(-970), {}),
    (("customer pays", "not yet (7 days)", "send", "open 0, active", "open 0, active", "open 0, past_due"), nothing, SENT),
    (("credit on the balance", "covers it", "send", "paid 0, active", "paid 0, active", "paid 0, active"), balance(-2000), SENT),
    (("any", "pause: keep_as_draft", "charge", "draft 0, active", "draft 0, active", "draft 0, active"), paused("keep_as_draft"), {}),
    (("any", "pause: void", "charge", "void 0, active", "void 0, active", "void 0, active"), paused("void"), {}),
    (("any", "pause: mark_uncollectible", "charge", "uncollectible 0, active", "uncollectible 0, active", "uncollectible 0, active"), paused("mark_uncollectible"), {}),
    (("credit on the balance", "pause: mark_uncollectible", "charge", "paid 0, active", "paid 0, active", "paid 0, active"), balance(-2000), {"pause": "mark_uncollectible"}),
    (("the customer's card", "`auto_advance` off on the draft", "charge", "draft 0, active", "draft 0, active", "draft 0, active"), nothing, {"off": "draft"}),
    (("the customer's card", "`auto_advance` off, then finalized by hand", "charge", "open 0, active", "open 0, active", "open 0, active"), nothing, {"off": "open"}),
    (("credit on the balance", "`auto_advance` off, then finalized by hand: covers it", "charge", "paid 0, active", "paid 0, active", "paid 0, active"), balance(-2000), {"off": "paid"}),
    (("customer pays", "`auto_advance` off on the draft", "send", "draft 0, active", "draft 0, active", "draft 0, active"), nothing, SENT | {"off": "draft"}),
]  # fmt: skip


@pytest.mark.parametrize(("row", "prepare", "more"), CASES, ids=[f"{c[0][0]}-{c[0][1]}-{c[0][2]}" for c in CASES])
def test_a_renewal_is_collected(row: Row, prepare: Prepare, more: dict[str, Any]) -> None:
    """SB 1.8, 12.1, 12.4, 12.6-12.9, 21.3; FACTS_A 20, 22."""
    settings = {k: v for k, v in more.items() if k.endswith("after_retries") or k == "after_retries"}
    terms = {k: v for k, v in more.items() if k in SENT}
    with sandbox_client(billing=settings) as stripe:
        customer = stripe.customer()
        subscription = yearly(stripe, customer, **terms)
        if terms:  # the first invoice is paid in time
            stripe.post(f"/v1/invoices/{stripe.get(f'/v1/subscriptions/{subscription}')['latest_invoice']}/pay")
        prepare(stripe, customer, subscription)
        if "pause" in more:
            paused(more["pause"])(stripe, customer, subscription)
        end = stripe.world.stripe["subscriptions"][subscription]["items"]["data"][0]["current_period_end"]
        stripe.later(end - stripe.world.now)
        if "off" in more:
            switch_off(stripe, subscription, more["off"])
        seen = []
        for passed in (3602 + HOUR, 3602 + DAY, 3602 + 30 * DAY):
            stripe.later(end + passed - stripe.world.now)
            seen.append(state(stripe, subscription))
    assert (*row[:3], *seen) == row


def switch_off(stripe: SandboxClient, subscription: str, status: str) -> None:
    """Switch ``auto_advance`` off on the draft of a renewal; with another status than draft, finalize it by hand as well."""
    draft = stripe.get(f"/v1/subscriptions/{subscription}")["latest_invoice"]
    stripe.post(f"/v1/invoices/{draft}", auto_advance=False)
    if status != "draft":
        assert stripe.post(f"/v1/invoices/{draft}/finalize")["status"] == status


def yearly(stripe: SandboxClient, customer: str, **terms: Any) -> str:
    """Return a new subscription of 10.00 a year, so that thirty days hold one renewal."""
    items = [{"price": yearly_price(stripe)}]
    return str(stripe.post("/v1/subscriptions", customer=customer, items=items, **terms)["id"])


def yearly_price(stripe: SandboxClient) -> str:
    """Return a new price of 10.00 a year."""
    product = stripe.post("/v1/products", name="p")["id"]
    form = {"currency": "usd", "product": product, "unit_amount": 1000, "recurring": {"interval": "year"}}
    return str(stripe.post("/v1/prices", **form)["id"])


def state(stripe: SandboxClient, subscription: str) -> str:
    """Return the status of the latest invoice, its attempts and the status of the subscription."""
    found = stripe.get(f"/v1/subscriptions/{subscription}")
    invoice = stripe.get(f"/v1/invoices/{found['latest_invoice']}")
    return f"{invoice['status']} {invoice['attempt_count']}, {found['status']}"


# source of payment, outcome and what the creation sends, then its invoice and the subscription after the call, an hour, a day
# and thirty days later (the subscription is yearly, so that thirty days hold no renewal).
FIRST_CASES: list[tuple[tuple[str, ...], Prepare, dict[str, Any], dict[str, bool]]] = [
    (("a card", "pays", "allow_incomplete", "paid 1, active", "paid 1, active", "paid 1, active", "paid 1, active"), nothing, {}, {}),
    (("card 0341", "declines", "allow_incomplete", "open 1, incomplete", "open 1, incomplete", "void 1, incomplete_expired", "void 1, incomplete_expired"), card("0341"), {}, {}),
    (("card 0341", "declines", "error_if_incomplete", "402, nothing is made", "", "", ""), card("0341"), {"payment_behavior": "error_if_incomplete"}, {}),
    (("card 3220", "wants 3DS", "allow_incomplete", "open 1, incomplete", "open 1, incomplete", "void 1, incomplete_expired", "void 1, incomplete_expired"), card("3220"), {}, {}),
    (("card 3220", "wants 3DS", "error_if_incomplete", "402, nothing is made", "", "", ""), card("3220"), {"payment_behavior": "error_if_incomplete"}, {}),
    (("any", "is not charged", "default_incomplete", "open 0, incomplete", "open 0, incomplete", "void 0, incomplete_expired", "void 0, incomplete_expired"), nothing, {"payment_behavior": "default_incomplete"}, {}),
    (("none", "never attempted", "allow_incomplete", "400, nothing is made", "", "", ""), none, {}, {}),
    (("bank account", "processing, succeeds", "allow_incomplete", "open 1, active", "open 1, active", "open 1, active", "paid 1, active"), account("000123456789"), {}, {}),
    (("bank account", "processing, succeeds; `debit_leaves_incomplete`", "allow_incomplete", "open 1, incomplete", "open 1, incomplete", "open 1, incomplete", "paid 1, active"), account("000123456789"), {}, {"debit_leaves_incomplete": True}),
    (("bank account", "processing, fails", "allow_incomplete", "open 1, active", "open 1, active", "open 1, active", "void 1, incomplete_expired"), account("000222222227"), {}, {}),
    (("bank account", "processing, fails; `failed_debit_expires`: no", "allow_incomplete", "open 1, active", "open 1, active", "open 1, active", "open 8, past_due"), account("000222222227"), {}, {"failed_debit_expires": False}),
    (("bank account", "refused at once", "error_if_incomplete", "402, nothing is made", "", "", ""), account("000123456789"), {"payment_behavior": "error_if_incomplete"}, {}),
    (("bank account", "taken; `debit_refused_at_once`: no", "error_if_incomplete", "open 1, active", "open 1, active", "open 1, active", "paid 1, active"), account("000123456789"), {"payment_behavior": "error_if_incomplete"}, {"debit_refused_at_once": False}),
    (("credit on the balance", "covers it", "allow_incomplete", "paid 0, active", "paid 0, active", "paid 0, active", "paid 0, active"), balance(-2000), {}, {}),
    (("customer pays", "a draft for its hour, then not yet (7 days)", "send", "draft 0, active", "open 0, active", "open 0, active", "open 0, past_due"), nothing, SENT, {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "prepare", "terms", "unknowns"), FIRST_CASES, ids=[f"{c[0][0]}-{c[0][1]}-{c[0][2]}" for c in FIRST_CASES]
)
def test_a_first_invoice_is_collected(
    row: tuple[str, ...], prepare: Prepare, terms: dict[str, Any], unknowns: dict[str, bool]
) -> None:
    """FACTS_A 52-54; SB 1.6, 11.2, 11.14, 12.3, 21.11."""
    with sandbox_client() as stripe:
        stripe.world.unknowns |= unknowns
        customer = stripe.customer()
        prepare(stripe, customer, "")
        price = yearly_price(stripe)
        status, made = stripe.send("POST", "/v1/subscriptions", customer=customer, items=[{"price": price}], **terms)
        if status != 200:
            assert stripe.get("/v1/subscriptions", customer=customer, status="all")["data"] == []
            assert stripe.get("/v1/invoices", customer=customer)["data"] == []
            assert (*row[:3], f"{status}, nothing is made", "", "", "") == row
            return
        begun, seen = stripe.world.now, [state(stripe, made["id"])]
        for passed in (HOUR + 2, DAY, 30 * DAY):
            stripe.later(begun + passed - stripe.world.now)
            seen.append(state(stripe, made["id"]))
    assert (*row[:3], *seen) == row


def table() -> str:
    """Return the rows as the table of sandbox/README.md."""
    head = "| source of payment | outcome | collection | an hour after finalization | a day | thirty days |\n|---|---|---|---|---|---|\n"
    return head + "\n".join(f"| {' | '.join(row)} |" for row, _, _ in CASES) + "\n"


def first_table() -> str:
    """Return the rows of first invoices as the second table of sandbox/README.md."""
    head = "| source of payment | outcome | the creation sends | after the call | an hour | a day | thirty days |\n|---|---|---|---|---|---|---|\n"
    return head + "\n".join(f"| {' | '.join(row)} |" for row, *_ in FIRST_CASES) + "\n"


def test_the_readme_shows_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{table()}\n{first_table()}")
    assert first_table() in README.read_text(encoding="utf-8"), "put the second table into sandbox/README.md"
    assert table() in README.read_text(encoding="utf-8"), "put this table into sandbox/README.md"
