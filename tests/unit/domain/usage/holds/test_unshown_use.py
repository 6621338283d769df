"""Use that a draft of 0 will bill and does not show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.usage.holds.unshown_use import UnshownUse, find_unshown_use
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.domain.usage.windows import Window
from tests.unit.domain.usage.values import MEASURED, body, full, metered_line, window

METERED = body("in_1", metered_line("0", 0), status="draft", total=0, amount_remaining=0)
PLAIN = body("in_1", status="draft", total=0, amount_remaining=0)
OTHER = window(id=8, measured=replace(MEASURED, item="si_2"), quantity="0")
UNREAD = window(UsageState.REPORTED, quantity=None)


@pytest.mark.parametrize(
    ("shown", "windows", "use"),
    [
        (METERED, [window(quantity="120")], UnshownUse(1200, is_known=True)),
        (METERED, [window(UsageState.VERIFIED, quantity="120")], UnshownUse(1200, is_known=True)),
        (METERED, [window(quantity="0")], None),
        (METERED, [UNREAD], UnshownUse(0, is_known=False)),
        (METERED, [], UnshownUse(0, is_known=False)),
        (METERED, [OTHER], UnshownUse(0, is_known=False)),
        (METERED, [window(quantity="120"), UNREAD], UnshownUse(1200, is_known=False)),
        (METERED, [window(UsageState.WAIVED, balances={UsageState.WAIVED: full("120")})], None),
        (PLAIN, [window(quantity="120")], UnshownUse(1200, is_known=True)),
        (PLAIN, [], None),
    ],
)
def test_the_use_is_that_of_its_windows(
    shown: dict[str, object], windows: list[Window], use: UnshownUse | None
) -> None:
    """120 calls at 10 cents are 12.00."""
    assert find_unshown_use(from_stripe(shown, StripeInvoice), windows) == use
