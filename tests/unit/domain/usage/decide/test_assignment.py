"""The invoice of a window, and drafts on which usage is missing, as tables."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide.assignment import assign, may_bill, unproven
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.domain.usage.windows import Window
from tests.unit.domain.usage.values import DAY, END, NEXT, START, invoice, window

S = UsageState
FINALIZED = {"finalized_at": int(END.timestamp()) + 1}
EARLIER, RENEWAL = invoice("in_0", bound=START), invoice("in_1")
SECONDS = invoice("in_s", bound=END + timedelta(seconds=30))
LATER = invoice("in_2", bound=NEXT)
UNOWED = invoice("in_u", unowed=True)
UNOWED_FINAL = invoice("in_u", status="paid", unowed=True)
EMPTY = invoice("in_e", status="paid", total=0, status_transitions=FINALIZED)  # a renewal of nothing, finalized at once
OURS = invoice("in_o")  # an own invoice for the same period
OTHER = invoice("in_x", subscription="sub_2")

ASSIGNED = {
    "the renewal at its end": (window(), [EARLIER, RENEWAL, LATER], "in_1"),
    "a renewal seconds later": (window(), [SECONDS], "in_s"),
    "the first of those at its end or later": (window(), [LATER], "in_2"),
    "none before its end": (window(), [EARLIER], None),
    "no invoice": (window(), [], None),
    "another subscription's": (window(), [OTHER], None),
    "the one that it is on": (window(S.VERIFIED, invoice="in_2"), [RENEWAL, LATER], "in_2"),
    "the one that it was on, final": (window(S.BILLED, invoice="in_0"), [EARLIER, RENEWAL], "in_0"),
    "one that it is on and that was not seen": (window(S.VERIFIED, invoice="in_9"), [RENEWAL], "in_1"),
    "not a draft after the end": (window(), [UNOWED, LATER], "in_2"),
    "not a draft after the end that it was on": (window(S.PENDING, invoice="in_u"), [UNOWED, LATER], "in_2"),
    "a final one after the end that it was on": (window(S.BILLED, invoice="in_u"), [UNOWED_FINAL, LATER], "in_u"),
    "not a final one after the end": (window(), [UNOWED_FINAL], None),
    "the one that waited": (window(), [EMPTY, OURS], "in_o"),
    "the one that waited, in any order": (window(), [OURS, EMPTY], "in_o"),
    "the one finalized at once, alone": (window(), [EMPTY], "in_e"),
    "the one finalized at once, before a later one": (window(), [EMPTY, LATER], "in_e"),
    "a window that was never read": (window(S.REPORTED), [RENEWAL], "in_1"),
}  # fmt: skip


@pytest.mark.parametrize(("usage", "seen", "id"), ASSIGNED.values(), ids=ASSIGNED)
def test_the_invoice_of_a_window(usage: Window, seen: list[Invoice], id: str | None) -> None:
    found = assign([usage], seen)
    assert (found[7].invoice if 7 in found else None) == id


def test_windows_of_a_group_are_assigned_each_by_its_own_end() -> None:
    short = window(id=8, end=START + 10 * DAY)
    other = window(id=9, subscription="sub_2")
    found = assign([window(), short, other], [EARLIER, RENEWAL])
    assert {id: invoice.invoice for id, invoice in found.items()} == {7: "in_1", 8: "in_1"}


@pytest.mark.parametrize(
    ("status", "is_unowed", "is_on_it"), list(product(("draft", "open", "paid", "void"), (0, 1), (0, 1)))
)
def test_a_renewal_after_the_end_bills_only_what_it_did_when_it_became_final(
    status: str, is_unowed: int, is_on_it: int
) -> None:
    seen = invoice(status=status, **({"unowed": True} if is_unowed else {}))
    usage = window(invoice="in_1" if is_on_it else None)
    assert may_bill(seen, usage) is (not is_unowed or (status != "draft" and bool(is_on_it)))


MISSING: dict[str, tuple[list[Window], Invoice, set[str], bool]] = {
    "a window of its period": ([window()], RENEWAL, set(), True),
    "a window before its period": ([window(end=START + DAY)], RENEWAL, set(), True),
    "a window after its period": ([window(end=NEXT)], RENEWAL, set(), False),
    "a window that is on it": ([window(invoice="in_1", end=NEXT)], RENEWAL, set(), True),
    "a window that is on another": ([window(invoice="in_2")], RENEWAL, set(), False),
    "a window of another subscription": ([window(subscription="sub_2")], RENEWAL, set(), False),
    "no window": ([], RENEWAL, set(), False),
    "no window, not countable": ([], RENEWAL, {"sub_1"}, True),
    "another is not countable": ([], RENEWAL, {"sub_2"}, False),
    "a final invoice": ([window()], invoice(status="open"), {"sub_1"}, False),
    "a deleted draft": ([window()], invoice(status="deleted"), set(), False),
    "a draft after the end": ([window()], UNOWED, set(), False),
    "a draft after the end, not countable": ([], UNOWED, {"sub_1"}, True),
}


@pytest.mark.parametrize(("waiting", "seen", "blocked", "is_missing"), MISSING.values(), ids=MISSING)
def test_usage_is_missing_on_a_draft(waiting: list[Window], seen: Invoice, blocked: set[str], is_missing: bool) -> None:
    assert [i.invoice for i in unproven(waiting, [seen], blocked)] == ([seen.invoice] if is_missing else [])


def test_drafts_keep_their_order() -> None:
    seen: list[Any] = [LATER, RENEWAL, OURS]
    assert unproven([window(), window(id=8, end=NEXT)], seen, ()) == seen
