"""A draft that would pass 250 lines: what does not fit goes on an invoice of our own for the same period (BILLING 6, SB 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.builder import WorldBuilder, flat, tiered, usage
from tests.house import House, Obj
from tests.metering import HOUR, MINUTE, cycle, ledger, lines, until, use
from tests.scenarios.test_usage_rules import renewed, world

Build = Callable[[WorldBuilder], House]
# Two units at 0.50 and a fee of 1.00, then units at 0.40 and a fee of 2.00.
TIERED = tiered("calls", [(2, 0.5, 1), (None, 0.4, 2)], model="USAGE_BASED")


def full(house_of: Build, **coupon: Any) -> tuple[House, int]:
    """A renewal's draft with 248 lines, on which two of the five lines of usage fit; gives the period's end too."""
    made = world(flat(20), TIERED, usage("rows", 1))
    made.feature("rows", "Rows", meterType="Incremental")
    if coupon:
        made.coupon("less", **coupon)
        made.stigg["subscriptions"][0]["coupons"] = [made.applied("less")]
    house = house_of(made)
    end = renewed(house, 5)
    use(house, 7, end - HOUR, featureId="rows")
    draft = cycle(house)
    for number in range(248 - len(draft["lines"]["data"])):
        house.stripe().v1.invoice_items.create(
            {"customer": draft["customer"], "invoice": draft["id"], "amount": 1, "currency": "usd",
             "description": f"Somebody else's {number}"}
        )  # fmt: skip
    return house, end


def surplus(house: House) -> list[Obj]:
    return [i for i in house.objects("invoices") if i["billing_reason"] == "manual"]


def test_usage_that_does_not_fit_on_a_full_draft_is_billed_on_an_invoice_for_the_same_period(house_of: Build) -> None:
    """5 calls: 2 × 0.50 + 1.00, 3 × 0.40 + 2.00 = 5.20 in four lines; 7 rows at 1.00 are one line, which fits."""
    house, end = full(house_of)
    assert house.usage()["proven"] == 2
    ours = [line for line in lines(cycle(house)) if line[1] != 1]
    assert (ours, len(cycle(house)["lines"]["data"])) == ([("7", 700)], 249)
    (bill,) = surplus(house)
    assert lines(bill) == [("2", 100), ("1", 100), ("3", 120), ("1", 200)]
    assert {line["period"]["end"] for line in bill["lines"]["data"]} == {end}
    writes = house.writes()
    until(house, end + 45 * MINUTE)
    assert house.usage()["pages"] == []
    assert house.writes() == writes, "divided alike, and made once"
    until(house, end + 2 * HOUR)
    house.usage()
    assert ledger(house) == {"billed": ("12", 1220)}


def test_a_percentage_is_taken_of_both_invoices(house_of: Build) -> None:
    """Half of 5.20 on the other invoice, where the four lines are, and half of 7.00 on the renewal's draft."""
    house, end = full(house_of, percent=50)
    house.usage()
    (bill,) = surplus(house)
    assert (sum(amount for _, amount in lines(bill)), bill["total"]) == (520, 260)
    until(house, end + 2 * HOUR)
    house.usage()
    until(house, end + 5 * HOUR)
    house.usage()
    (bill,) = surplus(house)
    assert (bill["status"], bill["total"]) == ("open", 260)
    assert ledger(house) == {"billed": ("12", 1220)}


def test_usage_that_does_not_fit_beside_a_fixed_discount_is_held_for_a_person(house_of: Build) -> None:
    """A discount of an amount would be taken from both invoices."""
    house, end = full(house_of, off={"USD": 5})
    given = house.usage()
    why = "would have more than 250 lines, and its subscription has a discount of a fixed amount"
    assert any(why in text for text in given["refused"])
    assert surplus(house) == []
    assert cycle(house)["automatically_finalizes_at"] == end + 24 * HOUR
    assert set(ledger(house)) == {"pending", "proven"}
