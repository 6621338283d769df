"""Use that a final usage invoice and the meter lines of a renewal after the end bill both: the way to bill it once (BILLING 7)."""

from __future__ import annotations

import pytest

from stripe_sync.domain.usage.holds.billed_twice import MeterBill, way_out


@pytest.mark.parametrize(
    ("status", "way"),
    [
        (
            "draft",
            "do not switch it on while in_R (draft) bills 40.00 USD of the same use by a meter. Either finalize in_R with "
            "auto_advance off and void it, then switch auto_advance of in_F on; or collect in_R, then delete in_F, and bill "
            "the other 60.00 USD by hand, before discounts and tax",
        ),
        (
            "open",
            "do not switch it on while in_R (open) bills 40.00 USD of the same use by a meter. Either void in_R, then switch "
            "auto_advance of in_F on; or collect in_R, then delete in_F, and bill the other 60.00 USD by hand, before discounts and tax",
        ),
        (
            "paid",
            "never switch it on, since in_R (paid) has billed 40.00 USD of the same use by a meter: delete in_F, and bill "
            "the other 60.00 USD by hand, before discounts and tax",
        ),
        (
            "uncollectible",
            "never switch it on, since in_R (uncollectible) has billed 40.00 USD of the same use by a meter: delete in_F, "
            "and bill the other 60.00 USD by hand, before discounts and tax",
        ),
        ("void", ""),
    ],
)
def test_the_way_out_by_what_the_renewal_is(status: str, way: str) -> None:
    assert way_out("in_F", 10_000, MeterBill("in_R", status, "usd", 4000)) == way


@pytest.mark.parametrize("status", ["draft", "open", "paid"])
def test_a_meter_that_counted_all_of_it_leaves_nothing_to_bill_by_hand(status: str) -> None:
    assert "by hand" not in way_out("in_F", 4000, MeterBill("in_R", status, "usd", 4000))


def test_a_renewal_without_meter_lines_of_that_use_is_no_reason() -> None:
    assert way_out("in_F", 10_000, MeterBill("in_R", "draft", "usd", 0)) == ""
