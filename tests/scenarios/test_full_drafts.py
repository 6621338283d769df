"""A draft that would pass 250 lines: what does not fit goes on an invoice of our own for the same period (BILLING 6, SB 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.builder import WorldBuilder, flat, tiered, usage
from tests.scenarios.test_usage_rules import renewed, world
from tests.support.harness import Harness, Obj
from tests.support.metering import HOUR, MINUTE, cycle, ledger, lines, until, use

Build = Callable[[WorldBuilder], Harness]
# Two units at 0.50 and a fee of 1.00, then units at 0.40 and a fee of 2.00.
TIERED = tiered("calls", [(2, 0.5, 1), (None, 0.4, 2)], model="USAGE_BASED")


def full(harness_of: Build, **coupon: Any) -> tuple[Harness, int]:
    """A renewal's draft with 248 lines, on which two of the five lines of usage fit; gives the period's end too."""
    made = world(flat(20), TIERED, usage("rows", 1))
    made.feature("rows", "Rows", meterType="Incremental")
    if coupon:
        made.coupon("less", **coupon)
        made.stigg["subscriptions"][0]["coupons"] = [made.applied("less")]
    harness = harness_of(made)
    end = renewed(harness, 5)
    use(harness, 7, end - HOUR, featureId="rows")
    draft = cycle(harness)
    for number in range(248 - len(draft["lines"]["data"])):
        harness.stripe().v1.invoice_items.create(
            {"customer": draft["customer"], "invoice": draft["id"], "amount": 1, "currency": "usd",
             "description": f"Somebody else's {number}"}
        )  # fmt: skip
    return harness, end


def surplus(harness: Harness) -> list[Obj]:
    return [i for i in harness.objects("invoices") if i["billing_reason"] == "manual"]


def test_usage_that_does_not_fit_on_a_full_draft_is_billed_on_an_invoice_for_the_same_period(harness_of: Build) -> None:
    """5 calls: 2 × 0.50 + 1.00, 3 × 0.40 + 2.00 = 5.20 in four lines; 7 rows at 1.00 are one line, which fits."""
    harness, end = full(harness_of)
    assert harness.usage()["proven"] == 2
    ours = [line for line in lines(cycle(harness)) if line[1] != 1]
    assert (ours, len(cycle(harness)["lines"]["data"])) == ([("7", 700)], 249)
    (bill,) = surplus(harness)
    assert lines(bill) == [("2", 100), ("1", 100), ("3", 120), ("1", 200)]
    assert {line["period"]["end"] for line in bill["lines"]["data"]} == {end}
    writes = harness.writes()
    until(harness, end + 45 * MINUTE)
    assert harness.usage()["pages"] == []
    assert harness.writes() == writes, "divided alike, and made once"
    until(harness, end + 2 * HOUR)
    harness.usage()
    assert ledger(harness) == {"billed": ("12", 1220)}


def test_a_percentage_is_taken_of_both_invoices(harness_of: Build) -> None:
    """Half of 5.20 on the other invoice, where the four lines are, and half of 7.00 on the renewal's draft."""
    harness, end = full(harness_of, percent=50)
    harness.usage()
    (bill,) = surplus(harness)
    assert (sum(amount for _, amount in lines(bill)), bill["total"]) == (520, 260)
    until(harness, end + 2 * HOUR)
    harness.usage()
    until(harness, end + 5 * HOUR)
    harness.usage()
    (bill,) = surplus(harness)
    assert (bill["status"], bill["total"]) == ("open", 260)
    assert ledger(harness) == {"billed": ("12", 1220)}


def test_usage_that_does_not_fit_beside_a_fixed_discount_is_held_for_a_person(harness_of: Build) -> None:
    """A discount of an amount would be taken from both invoices."""
    harness, end = full(harness_of, off={"USD": 5})
    given = harness.usage()
    why = "would have more than 250 lines, and its subscription has a discount of a fixed amount"
    assert any(why in text for text in given["refused"])
    assert surplus(harness) == []
    assert cycle(harness)["automatically_finalizes_at"] == end + 24 * HOUR
    assert set(ledger(harness)) == {"pending", "proven"}
