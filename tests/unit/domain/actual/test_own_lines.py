"""The lines of an invoice that are the pipeline's own, distinguished from lines that show the metadata of their subscription."""

from __future__ import annotations

from typing import Any

from stripe_sync.core.ownership import FIELD, Signer
from stripe_sync.domain.actual.unowed_invoices import split
from tests.support.invoices import shown_line

SIGNER = Signer("acct_1", ("secret",))
END = 1_790_000_000


def line(id: str, key: str, *, item: bool) -> dict[str, Any]:
    kind = "invoice_item_details" if item else "subscription_item_details"
    parent = {"type": kind, "subscription_item_details": None if item else {"proration": False}}
    period = {"start": END - 3600, "end": END}
    return {"id": id, "amount": 70, "period": period, "parent": parent, "metadata": {FIELD: SIGNER.marker(key)}}


def test_a_meters_line_that_shows_its_subscriptions_mark_is_not_ours() -> None:
    """Types, ``InvoiceLineItem.metadata``: the 70 of the meter stay with the draft, the 70 of our own line can be moved."""
    lines = [line("il_meter", "subscription:s-1", item=False), line("il_use", "usageline:s-1", item=True)]
    assert SIGNER.own_lines(map(shown_line, lines)) == {"il_use"}
    found = split(map(shown_line, lines), END, SIGNER.own_lines(map(shown_line, lines)))
    assert (found.owed, found.movable, found.persons) == (140, 70, ("il_meter",))


def test_our_one_off_charge_is_not_moved() -> None:
    """A final usage invoice bills the use of 0.70 and not the 0.70 once, which a person bills."""
    lines = [line("il_once", "oneoff:s-1:base", item=True), line("il_use", "usageline:s-1", item=True)]
    found = split(map(shown_line, lines), END, SIGNER.own_lines(map(shown_line, lines)))
    assert (found.owed, found.movable, found.persons) == (140, 70, ("il_once",))


def test_a_copied_mark_is_nobodys() -> None:
    copied = line("il_copy", "usageline:s-1", item=True) | {"metadata": {FIELD: "usageline:s-1 0123"}}
    assert SIGNER.own_lines([shown_line(copied), shown_line(copied | {"metadata": None})]) == set()
