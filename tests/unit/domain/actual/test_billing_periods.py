"""Billing periods of a subscription: ends that ``cancel_at`` shortens, short months, the 31st, leap years, noted anchors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.core.periods import MONTHS, add_months
from stripe_sync.domain.actual.billing_periods import (
    ANCHOR,
    anchor_of,
    current_anchor,
    interval_of,
    natural_end,
    renewals,
    renewed_at,
    shortest,
)
from stripe_sync.domain.model.stripe import ItemPrice, Recurring
from stripe_sync.domain.model.stripe_subscriptions import ItemList, StripeItem, StripeSubscription

WORDS = {"MONTHLY": "month", "ANNUALLY": "year"}


def at(text: str) -> int:
    """Return the Unix seconds of a UTC time."""
    return epoch(datetime.fromisoformat(text).replace(tzinfo=UTC))


def item(start: str, end: str, interval: str = "month", count: int = 1, *, id: str = "si_1") -> StripeItem:
    price = ItemPrice("price_1", "usd", recurring=Recurring(interval=interval, interval_count=count))
    return StripeItem(id, price, 1, at(start), at(start), at(end))


def held(anchor: str, *items: StripeItem, **more: Any) -> StripeSubscription:
    fields = {"billing_cycle_anchor": at(anchor), "start_date": at(anchor)} | more
    return StripeSubscription(
        "sub_1", "cus_1", "active", ItemList(list(items)), "charge_automatically", "usd", **fields
    )


@pytest.mark.parametrize(
    ("anchor", "day", "interval", "start", "cancel_at", "end"),
    [
        ("2026-11-01", None, "month", "2026-11-01", "2026-11-20", "2026-12-01"),
        ("2026-11-01", None, "month", "2026-12-01", "2026-12-01T00:00:01", "2027-01-01"),
        ("2026-11-01", None, "month", "2026-12-01", "2026-12-31T23:59:59", "2027-01-01"),
        ("2027-01-31", None, "month", "2027-01-31", "2027-02-10", "2027-02-28"),
        ("2027-01-31", None, "month", "2027-02-28", "2027-03-10", "2027-03-31"),
        ("2027-01-31", None, "month", "2027-03-31", "2027-04-10", "2027-04-30"),
        ("2028-01-31", None, "month", "2028-01-31", "2028-02-10", "2028-02-29"),
        ("2028-01-30", None, "month", "2028-02-29", "2028-03-10", "2028-03-30"),
        ("2027-02-28", 31, "month", "2027-02-28", "2027-03-10", "2027-03-31"),
        ("2027-02-28", 30, "month", "2027-02-28", "2027-03-10", "2027-03-30"),
        ("2027-02-28", None, "month", "2027-02-28", "2027-03-10", "2027-03-28"),
        ("2028-02-29", None, "year", "2028-02-29", "2028-12-24", "2029-02-28"),
        ("2028-02-29", None, "year", "2031-02-28", "2031-12-24", "2032-02-29"),
        ("2031-02-28", 29, "year", "2031-02-28", "2031-12-24", "2032-02-29"),
        ("2026-11-01T10:30:07", None, "month", "2026-11-01T10:30:07", "2026-11-20", "2026-12-01T10:30:07"),
    ],
)
def test_an_end_in_the_period_does_not_hide_the_end_of_the_period(
    anchor: str, day: int | None, interval: str, start: str, cancel_at: str, end: str
) -> None:
    """Stripe shortens ``current_period_end`` to ``cancel_at`` (SB 21.1)."""
    one = item(start, cancel_at, interval)
    config: dict[str, int | None] | None = {"day_of_month": day} if day is not None else None
    found = held(anchor, one, cancel_at=at(cancel_at), billing_cycle_anchor_config=config)
    assert from_epoch(natural_end(found, one)) == from_epoch(at(end))


@pytest.mark.parametrize("seconds", [None, -1, 1])
def test_only_a_cancel_at_of_exactly_the_end_of_the_period_has_shortened_it(seconds: int | None) -> None:
    one = item("2026-11-01", "2026-11-20")
    cancel_at = one.current_period_end + seconds if seconds is not None else None
    assert natural_end(held("2026-11-01", one, cancel_at=cancel_at), one) == at("2026-11-20")


def test_a_first_period_up_to_a_later_anchor_ends_at_the_anchor() -> None:
    """A late start of November 10 is anchored at December 1; its end of November 20 shortens these three weeks."""
    one = item("2026-11-10", "2026-11-20")
    found = held("2026-12-01", one, cancel_at=at("2026-11-20"), start_date=at("2026-11-10"))
    assert natural_end(found, one) == at("2026-12-01")


def test_an_end_at_the_renewal_leaves_the_period_as_it_is() -> None:
    one = item("2026-11-01", "2026-12-01")
    assert natural_end(held("2026-11-01", one, cancel_at=at("2026-12-01")), one) == at("2026-12-01")


@pytest.mark.parametrize(("interval", "count"), [("month", 3), ("week", 1), ("day", 1), ("year", 2)])
def test_periods_of_other_intervals_are_as_stripe_has_them(interval: str, count: int) -> None:
    one = item("2026-11-01", "2026-11-20", interval, count)
    found = held("2026-11-01", one, cancel_at=at("2026-11-20"))
    assert interval_of(one) is None
    assert natural_end(found, one) == at("2026-11-20")
    assert (shortest(found), current_anchor(found), renewals(found)) == (None, None, None)


def test_the_noted_anchor_has_the_day_that_a_short_month_clamped() -> None:
    found = held("2027-02-28", item("2027-02-28", "2027-03-31"), billing_cycle_anchor_config={"day_of_month": 31})
    assert current_anchor(found) == at("2027-01-31")


def test_a_yearly_base_with_a_monthly_item_renews_by_the_month() -> None:
    year, month = item("2026-11-15", "2027-11-15", "year"), item("2026-11-15", "2026-12-15", id="si_2")
    assert shortest(held("2026-11-15", year, month)) == ("MONTHLY", month)


@pytest.mark.parametrize(
    ("noted", "start", "end", "target"),
    [
        ("2026-11-01", "2026-12-01", "2027-01-01", "2027-01-01"),
        ("2026-11-01", "2026-12-20", "2027-01-20", "2027-01-01"),
        ("2027-01-31", "2027-02-28", "2027-03-28", "2027-03-31"),
        ("2027-01-31", "2027-02-27T23:59:59", "2027-03-27T23:59:59", "2027-02-28"),
    ],
)
def test_the_renewal_in_stripe_stands_beside_that_of_the_noted_anchor(
    noted: str, start: str, end: str, target: str
) -> None:
    """Removing an end may move the anchor; then the two differ (SB 21.1)."""
    found = held(start, item(start, end), metadata={ANCHOR: str(at(noted))})
    assert renewals(found) == (from_epoch(at(end)), from_epoch(at(target)))
    assert renewals(held(start, item(start, end))) is None


@pytest.mark.parametrize(("seconds", "is_renewed"), [(-1, False), (0, False), (1, True)])
def test_the_first_period_has_no_renewal(seconds: int, is_renewed: bool) -> None:
    one = item("2026-11-01", "2026-12-01")
    found = held("2026-11-01", one, start_date=at("2026-11-01") - seconds)
    assert renewed_at(found) == (at("2026-11-01") if is_renewed else None)


def test_the_last_renewal_is_that_of_the_item_that_renewed_last() -> None:
    year, month = item("2026-11-15", "2027-11-15", "year"), item("2027-01-15", "2027-02-15", id="si_2")
    assert renewed_at(held("2026-11-15", year, month)) == at("2027-01-15")
    assert renewed_at(held("2026-11-15")) is None


@given(
    anchor=st.integers(at("2023-01-01"), at("2033-01-01")).map(from_epoch),
    interval=st.sampled_from(["MONTHLY", "ANNUALLY"]),
    count=st.integers(0, 120),
    part=st.floats(0, 1),
)
def test_any_end_within_any_period_of_any_anchor_gives_the_end_of_that_period(
    anchor: datetime, interval: str, count: int, part: float
) -> None:
    """Periods are counted here from the anchor, one by one, and not from the period before."""
    begins, ends = (add_months(anchor, n * MONTHS[interval]) for n in (count, count + 1))
    end = epoch(begins) + 1 + int(part * (epoch(ends) - epoch(begins) - 2))
    price = ItemPrice("price_1", "usd", recurring=Recurring(interval=WORDS[interval]))
    one = StripeItem("si_1", price, 1, 0, epoch(begins), end)
    clamped = {"day_of_month": anchor.day} if begins.day < anchor.day else None
    found = held("2026-11-01", one, cancel_at=end, billing_cycle_anchor_config=clamped)
    fields = {"billing_cycle_anchor": epoch(anchor if clamped is None else begins)}
    reset = StripeSubscription(**{name: getattr(found, name) for name in found.__struct_fields__} | fields)
    assert from_epoch(natural_end(reset, one)) == ends
    assert anchor_of(reset, interval) <= begins
    assert ends - begins <= timedelta(days=366)
