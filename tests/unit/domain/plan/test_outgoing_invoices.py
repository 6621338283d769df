"""Sentences on the invoices that a cancellation meets."""

from __future__ import annotations

from typing import Any

import pytest

from stripe_sync.domain.actual.endings import MARGIN, Collected
from stripe_sync.domain.plan.outgoing_invoices import NONE, sentence, sentences

NOW = 1_800_000_000  # 2027-01-15 08:00 UTC
HOUR = 3600


def invoice(id: str = "in_1", status: str = "draft", **more: Any) -> Collected:
    return Collected(**{"id": id, "status": status, "auto_advance": True, "currency": "usd", "amount": 2333} | more)


@pytest.mark.parametrize(
    ("found", "is_owed", "says"),
    [
        (
            invoice(finalizes_at=NOW + HOUR), True,
            "in_1 (draft, 23.33 USD) is collected: it goes out at 2027-01-15 09:00 UTC, or is left to a "
            "person where Stripe does not switch it on again.",
        ),
        (
            invoice(finalizes_at=NOW - HOUR), True,
            "in_1 (draft, 23.33 USD) is collected: it goes out at 2027-01-15 08:05 UTC, or is left to a "
            "person where Stripe does not switch it on again.",
        ),
        (
            invoice(finalizes_at=NOW + HOUR, currency="jpy"), False,
            "in_1 (draft, 2333 JPY) is stopped and not collected, since it came after the end; without that it goes out at "
            "2027-01-15 09:00 UTC.",
        ),
        (
            invoice(), False,
            "in_1 (draft, 23.33 USD) is stopped and not collected, since it came after the end; without that it goes out at "
            "a time that Stripe has not set.",
        ),
        (invoice(auto_advance=False), True, "in_1 (draft, 23.33 USD) stays stopped."),
        (invoice(auto_advance=False, is_ours=True), True, "in_1 (draft, 23.33 USD) stays stopped until its usage is proven."),
        (invoice(auto_advance=False, is_ours=True), False, "in_1 (draft, 23.33 USD) stays stopped."),
        (
            invoice(status="open", tried_at=NOW + 24 * HOUR), True,
            "in_1 (open, 23.33 USD) is collected: it is out, and Stripe tries it again at 2027-01-16 08:00 UTC.",
        ),
        (invoice(status="open"), True, "in_1 (open, 23.33 USD) is collected: it is out, and Stripe tries it again no more."),
        (
            invoice(status="open", method="send_invoice"), True,
            "in_1 (open, 23.33 USD) is collected: it is out, and its customer pays it.",
        ),
    ],
)  # fmt: skip
def test_the_sentence_on_one_invoice(found: Collected, is_owed: bool, says: str) -> None:
    assert MARGIN == 300
    assert sentence(found, is_owed=is_owed, now=NOW) == says


def test_every_draft_and_open_invoice_is_named_once_in_the_order_of_ids() -> None:
    found = [invoice("in_3", "paid"), invoice("in_2", finalizes_at=NOW + HOUR), invoice("in_1", "open")]
    first, second = sentences(found, not_owed={"in_2"}, now=NOW).split(". ")[:2]
    assert first.startswith("in_1 (open") and second.startswith("in_2 (draft, 23.33 USD) is stopped")
    assert sentences(found[:1], not_owed=(), now=NOW) == NONE
