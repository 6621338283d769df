"""The sandbox's arithmetic against numbers that Stripe published (S1-S32 of its documentation), written by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from sandbox.billing import amounts, discounts, metering, periods, prorations
from sandbox.world.state import from_document

MONTH = {"interval": "month", "interval_count": 1}


def tiered(mode: str, *tiers: tuple[int | None, int, int]) -> dict[str, Any]:
    """Return a tiered price; amounts in minor units: (up to, unit, flat)."""
    rows = [{"up_to": top, "unit_amount": unit, "flat_amount": flat or None} for top, unit, flat in tiers]
    return {"billing_scheme": "tiered", "tiers_mode": mode, "tiers": rows}


PLAIN = ((5, 700, 0), (10, 650, 0), (None, 600, 0))
FLAT = ((5, 500, 1000), (10, 400, 2000), (15, 300, 3000), (20, 200, 4000), (None, 100, 5000))


@pytest.mark.parametrize(
    ("mode", "quantity", "total"),
    [("volume", 1, 700), ("volume", 5, 3500), ("volume", 6, 3900), ("volume", 20, 12000), ("volume", 25, 15000),
     ("graduated", 1, 700), ("graduated", 5, 3500), ("graduated", 6, 4150), ("graduated", 20, 12750),
     ("graduated", 25, 15750)],
)  # fmt: skip
def test_tiers(mode: str, quantity: int, total: int) -> None:
    assert amounts.amount(tiered(mode, *PLAIN), quantity) == total


@pytest.mark.parametrize(
    ("mode", "quantity", "total"),
    [("volume", 12, 6600), ("graduated", 12, 11100), ("volume", 0, 1000), ("graduated", 0, 1000)],
)
def test_tiers_with_flat_fees(mode: str, quantity: int, total: int) -> None:
    assert amounts.amount(tiered(mode, *FLAT), quantity) == total


@pytest.mark.parametrize(
    ("divide", "quantity", "total"),
    [(60, 150, 3000), (5, 1, 1000), (5, 3, 1000), (5, 5, 1000), (5, 6, 2000), (5, 7, 2000)],
)
def test_packages(divide: int, quantity: int, total: int) -> None:
    price = per_unit("1000") | {"transform_quantity": {"divide_by": divide, "round": "up"}}
    assert amounts.amount(price, quantity) == total


def per_unit(decimal: str) -> dict[str, Any]:
    return {"billing_scheme": "per_unit", "unit_amount_decimal": decimal, "recurring": MONTH}


def test_a_line_is_rounded_after_multiplying() -> None:
    assert amounts.amount(per_unit("0.05"), 30) == 2


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("start", "end", "share"),
    [("2026-02-15", "2026-03-01", 14 / 28), ("2026-01-15", "2026-02-01", 17 / 31), ("2026-01-31", "2026-02-28", 1),
     ("2026-11-16", "2026-12-16", 1)],
)  # fmt: skip
def test_backdating_counts_in_virtual_months(start: str, end: str, share: float) -> None:
    subscription = {"billing_cycle_anchor": at(end)}
    found = prorations.period_share(subscription, {"price": per_unit("1")}, at(start), at(end))
    assert float(found) == pytest.approx(share)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "2026-01-31"), (1, "2026-02-28"), (2, "2026-03-31"), (3, "2026-04-30"), (13, "2027-02-28")],
)
def test_months_clamp_and_come_back(count: int, expected: str) -> None:
    assert periods.shift(at("2026-01-31"), MONTH, count) == at(expected)


def test_a_period_holds_its_start_and_not_its_end() -> None:
    anchor = at("2026-01-15")
    assert periods.period_at(anchor, MONTH, at("2026-02-15")) == (at("2026-02-15"), at("2026-03-15"))
    assert periods.period_at(anchor, MONTH, at("2026-02-15") - 1) == (anchor, at("2026-02-15"))


class Ids:
    """Stands in for a world of nothing, where only ids are counted."""

    def __init__(self) -> None:
        self.stripe: dict[str, dict[str, Any]] = {
            name: {} for name in ("invoices", "invoiceitems", "products", "prices")
        }
        self.unknowns = {"proration_floors": True}

    def next_id(self, prefix: str) -> str:
        return prefix


@pytest.mark.parametrize(
    ("old", "new", "moment", "lines"),
    [(1000, 2000, "2026-04-16", [-500, 1000]), (1000, 10000, "2026-04-16", [-500, 5000]),
     (10000, 1000, "2026-04-16", [-5000, 500]), (9000, 12000, "2026-04-21", [-3000, 4000]),
     (9000, 3000, "2026-04-21", [-3000, 1000])],
)  # fmt: skip
def test_prorations_credit_first_and_round_each_line(old: int, new: int, moment: str, lines: list[int]) -> None:
    def subscription(amount: int) -> dict[str, Any]:
        price = per_unit(str(amount)) | {"id": f"price_{amount}", "currency": "usd", "product": "p",
                                         "recurring": MONTH | {"usage_type": "licensed"}}  # fmt: skip
        item = {"id": "si", "price": price, "quantity": 1, "subscription": "sub",
                "current_period_start": at("2026-04-01"), "current_period_end": at("2026-05-01")}  # fmt: skip
        return {"id": "sub", "status": "active", "billing_mode": {"type": "flexible"}, "discounts": [],
                "billing_cycle_anchor": at("2026-04-01"), "items": {"data": [item]}}  # fmt: skip

    world: Any = Ids()
    made = prorations.proration_lines(world, subscription(old), subscription(new), at(moment))
    assert [line["amount"] for line in made] == lines


NOW = int(datetime(2026, 12, 1, 0, 30, tzinfo=UTC).timestamp())
END = NOW - 1800
METERED = {
    "id": "price_1", "product": "prod_1", "currency": "usd", "billing_scheme": "per_unit", "unit_amount_decimal": "1",
    "recurring": {"usage_type": "metered", "meter": "mtr_1"},
}  # fmt: skip
ITEM = {"id": "si_1", "price": METERED, "subscription": "sub_1"}
METER = {"id": "mtr_1", "created": 1, "event_name": "calls", "default_aggregation": {"formula": "sum"}}


def counted(id: str, value: str) -> dict[str, Any]:
    """Return an event of the period that ended, which counts by now."""
    return {"id": id, "created": NOW - 900, "event_name": "calls", "customer": "cus_1", "timestamp": END - 60,
            "value": value, "error": None}  # fmt: skip


@pytest.mark.parametrize(("reason", "final"), [("subscription_cycle", "106"), ("subscription_update", "105")])
def test_finalization_counts_the_meter_of_a_renewal_again_and_not_that_of_a_reset(reason: str, final: str) -> None:
    """SB 4.1: 105 became 106 at the finalization of a renewal; the draft of a billing cycle reset stayed."""
    parent = {"subscription_details": {"subscription": "sub_1"}}
    world = from_document({"clock": NOW, "stigg": {"environment": {}}, "stripe": {"account": {}, "meters": [METER]}})
    world.put("subscriptions", {"id": "sub_1", "created": 1, "metadata": {}, "items": {"data": [ITEM]}})
    world.put("meter_events", counted("e-1", "105"))
    lines = metering.ended_lines(world, "cus_1", ITEM, END - 86_400, END)
    draft = {"id": "in_1", "created": END, "billing_reason": reason, "customer": "cus_1", "parent": parent,
             "currency": "usd", "discounts": [], "lines": {"data": lines},
             "automatic_tax": {"enabled": False}, "default_tax_rates": []}  # fmt: skip
    world.put("meter_events", counted("e-2", "1"))
    metering.recount(world, draft)
    (line,) = draft["lines"]["data"]  # type: ignore[index]
    assert line["quantity_decimal"] == final


@pytest.mark.parametrize(
    ("exact", "floors", "nearest"),
    [("-5/2", -3, -3), ("9/2", 4, 4), ("15/2", 7, 7), ("-2000/3", -667, -667), ("1000/3", 333, 333),
     ("-999999/1000", -1000, -1000), ("2/3", 0, 1), ("-1/3", -1, 0), ("-3", -3, -3)],
)  # fmt: skip
def test_prorations_are_rounded_down_or_to_the_nearest_with_ties_down(exact: str, floors: int, nearest: int) -> None:
    """The first six are recorded and fit both (FACTS_A 1-4); the others tell the two answers apart (SB 5.2)."""
    assert amounts.round_proration(Fraction(exact), floors=True) == floors
    assert amounts.round_proration(Fraction(exact), floors=False) == nearest


def test_a_fixed_discount_is_spread_and_the_last_line_takes_the_rest() -> None:
    """5.00 over lines of 10.00 and 20.00: 1.66 and 3.34 (SB 5.3)."""
    assert discounts.spread(500, [1000, 2000]) == [166, 334]
    assert discounts.spread(5000, [1000, 2000]) == [1000, 2000]


def test_a_graduated_licensed_price_is_a_line_a_tier() -> None:
    """12 units: 5 at 7.00, 5 at 6.50 and 2 at 6.00 (SB 4.14)."""
    parts = list(amounts.parts(tiered("graduated", *PLAIN), 12))
    assert [(part.quantity, part.exact) for part in parts] == [(5, 3500), (5, 3250), (2, 1200)]


def test_a_month_of_an_anchor_on_the_31st_is_a_whole_one_however_long() -> None:
    """31 January, 28 February, 31 March: each is one month (R2); from 28 February to 31 March are 31 days."""
    subscription = {"billing_cycle_anchor": at("2026-01-31")}
    item = {"price": per_unit("1")}
    assert prorations.grid(subscription, item, at("2026-02-28")) == (at("2026-02-28"), at("2026-03-31"))
    assert prorations.period_share(subscription, item, at("2026-02-28"), at("2026-03-31")) == 1
