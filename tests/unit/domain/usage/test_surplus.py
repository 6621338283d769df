"""Usage that does not fit on a draft, and minimum spends that are read for one, as tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from msgspec import structs

from stripe_sync.domain.usage import surplus
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.line_proof import lines_for
from stripe_sync.domain.usage.minimum_spend import read_since
from stripe_sync.domain.usage.windows import Window
from tests.unit.domain.usage.values import (
    DAY,
    END,
    NEXT,
    OWNER,
    SIGNER,
    TERMS,
    in_advance,
    invoice,
    own_line,
    window,
)

CALLS, ROWS = window(), window(id=8, charge="rows")
METADATA = {"stiggSyncKey": SIGNER.marker(surplus.surplus_key("t", "sub_1", END))}


def full_draft(count: int, *ours: Window) -> Invoice:
    """Return a draft of so many lines, of which one each are of windows."""
    mine = [own_line(line) for line in lines_for(OWNER, invoice(), ours)]
    return invoice("in_1", *[in_advance() for _ in range(count - 1 - len(mine))], *mine)


@pytest.mark.parametrize(
    ("draft", "surplus_of"),
    [
        (full_draft(248), []),
        (full_draft(249), [ROWS]),
        (full_draft(250), [CALLS, ROWS]),
        (full_draft(250, CALLS), [ROWS]),
        (full_draft(250, ROWS), [CALLS]),
        (full_draft(250, CALLS, ROWS), []),
        (invoice("in_1", *[in_advance() for _ in range(249)], billing_reason="manual"), []),
    ],
    ids=["fits", "one-place", "no-place", "the-first-is-there", "the-second-is-there", "both-are-there", "no-renewal"],
)
def test_windows_that_do_not_fit_on_250_lines(draft: Invoice, surplus_of: list[Window]) -> None:
    assert surplus.excess(draft, [CALLS, ROWS], owner=OWNER) == surplus_of


@pytest.mark.parametrize(
    ("seen", "is_it"),
    [
        (invoice("in_s", metadata=METADATA), True),
        (invoice("in_s", metadata=METADATA, subscription="sub_2"), False),
        (invoice("in_s", metadata=METADATA, bound=NEXT), False),
        (invoice("in_s"), False),
    ],
    ids=["its", "another-subscription", "another-period", "not-signed"],
)
def test_the_invoice_of_the_rest_is_made_once(seen: Invoice, is_it: bool) -> None:
    assert surplus.surplus_invoice(invoice(), [invoice(), seen], signer=SIGNER) == (seen if is_it else None)


def under(interval: str, minimum: str | None = "1000") -> Window:
    content: Any = TERMS.content | {"interval": interval}
    return window(terms=structs.replace(TERMS, content=content, minimum=minimum))


@pytest.mark.parametrize(
    ("status", "windows", "since"),
    [
        ("draft", [], None),
        ("draft", [under("month", None)], None),
        ("draft", [under("month")], END - 32 * DAY),
        ("draft", [under("month", None), under("month")], END - 32 * DAY),
        ("draft", [under("year")], END - 367 * DAY),
        ("open", [under("month")], None),
        ("deleted", [under("month")], None),
    ],
    ids=["no-window", "no-minimum", "month", "one-of-two", "year", "final", "deleted"],
)
def test_invoices_are_read_where_a_minimum_holds(status: str, windows: list[Window], since: datetime | None) -> None:
    assert read_since(invoice(status=status), windows) == since
