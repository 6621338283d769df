"""Use by the numbers: what prices give for quantities, and what running values give for windows; by hand, from documents."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from itertools import pairwise
from typing import Any

import pytest

from stripe_sync.domain.model.tariffs import Line
from stripe_sync.domain.usage.quantities import Point, quantity
from stripe_sync.domain.usage.terms import Terms
from stripe_sync.domain.usage.windows import Measured, TermsRevision, unstored_windows

START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TIERS = [
    {"up_to": "5", "unit_amount": "2000"},
    {"up_to": "10", "unit_amount": "1500"},
    {"up_to": "inf", "unit_amount": "1000"},
]
FLATS = [tier | {"flat_amount": fee} for tier, fee in zip(TIERS, ("1000", "800", "500"), strict=True)]


def terms(**content: Any) -> Terms:
    more = {name: content.pop(name) for name in ("included", "divide", "round", "block") if name in content}
    return Terms(
        content={"currency": "usd", "interval": "month", **content}, label="Calls", product="product:x", **more
    )


def tiers(mode: str, steps: list[dict[str, str]], **more: Any) -> Terms:
    return terms(billing_scheme="tiered", tiers_mode=mode, tiers=steps, **more)


@pytest.mark.parametrize(
    ("price", "used", "total"),
    [
        (terms(unit_amount="0.27"), "1234", 333),  # Stigg E3: 3.3318
        (terms(unit_amount="5"), "0.3", 2),  # Stripe S17: 1.5 cents
        (terms(unit_amount="100", divide_by="1000:up"), "500", 100),  # Stigg E4
        (terms(unit_amount="100", divide_by="1000:up"), "1500", 200),
        (terms(unit_amount="1000", divide_by="50:up"), "51", 2000),  # E5
        (terms(unit_amount="1000", divide_by="50:up"), "101", 3000),
        (terms(unit_amount="1000", divide_by="60:up"), "150", 3000),  # Stripe S14
        (tiers("graduated", TIERS), "20", 27500),  # E7
        (tiers("graduated", FLATS), "20", 29800),  # E8
        (tiers("volume", TIERS), "20", 20000),  # E9
        (tiers("volume", FLATS), "20", 20500),  # E11
        (tiers("volume", FLATS), "7", 11300),
        *(
            (tiers("graduated", TIERS), q, total)
            for q, total in (("5", 10000), ("6", 11500), ("10", 17500), ("11", 18500))
        ),
        *((tiers("volume", TIERS), q, total) for q, total in (("5", 10000), ("6", 9000), ("10", 15000), ("11", 11000))),
        (tiers("graduated", FLATS), "0", 1000),  # Stripe S13: the first tier's fee at nothing
        (terms(unit_amount="1", included="1000"), "1300", 300),  # E14
        (terms(unit_amount="200", divide_by="100:up", included="500"), "800", 600),  # E15
        (terms(unit_amount="200", divide_by="100:up", included="500"), "801", 800),  # E17
        (terms(unit_amount="200", divide_by="100:up", included="500"), "500", 0),
        (terms(unit_amount="300", divide="1024"), "20", 300),  # 0.02 GB are billed as 1 GB
        (terms(unit_amount="300", divide="1024", round="DOWN"), "2047", 300),
        (tiers("graduated", TIERS, block="10"), "55", 11500),  # six blocks
        (terms(unit_amount="100"), "-3", 0),  # taken back below nothing
    ],
)
def test_what_a_quantity_costs(price: Terms, used: str, total: int) -> None:
    assert price.amount(D(used)) == total


def test_the_lines_of_a_captured_invoice() -> None:
    """Reference T1: 1,031 credits, the first 1,000 for a fee of 9.00."""
    steps = [{"up_to": "1000", "flat_amount": "900"}, {"up_to": "inf", "unit_amount": "3.6"}]
    assert tiers("graduated", steps).lines(D(1031)) == [
        Line(D(1000), D(0), 1), Line(D(1), D(900), 1, flat=True), Line(D(31), D("3.6"), 2)
    ]  # fmt: skip


def test_nothing_used_is_a_line_too() -> None:
    assert tiers("graduated", TIERS).lines(D(0)) == [Line(D(0), D(0))]


def series(rng: random.Random) -> tuple[list[tuple[datetime, D]], list[datetime]]:
    """(what was added when, when the value was reset), over three windows of ten days."""
    added = [(START + timedelta(seconds=rng.randrange(30 * 86_400)), D(rng.randrange(1, 1000)) / 8) for _ in range(30)]
    resets = [START + timedelta(seconds=rng.randrange(30 * 86_400)) for _ in range(rng.randrange(4))]
    return sorted(added), sorted(resets)


def points(added: list[tuple[datetime, D]], resets: list[datetime], *, after: bool) -> list[Point]:
    """The running values that Stigg would show of these."""
    events = sorted(
        [(at, value, False) for at, value in added] + [(at, D(0), True) for at in resets], key=lambda e: (e[0], e[2])
    )
    shown, running = [], D(0)
    for at, value, reset in events:
        last, running = running, D(0) if reset else running + value
        shown.append(Point(at, last if reset and not after else running, reset))
    return shown


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("seed", range(100))
def test_windows_lose_nothing_and_count_nothing_twice(seed: int, after: bool) -> None:
    """However a time is cut, the parts sum up to the whole, and each is what was added in it."""
    rng = random.Random(seed)
    added, resets = series(rng)
    shown = points(added, resets, after=after)
    cuts = sorted({START, START + 30 * DAY, *(START + timedelta(seconds=rng.randrange(30 * 86_400)) for _ in range(4))})
    parts = [quantity(shown, a, b, "sum", reset_is_after=after) for a, b in pairwise(cuts)]
    assert parts == [sum((v for at, v in added if a <= at < b), D(0)) for a, b in pairwise(cuts)]
    assert sum(parts) == sum(v for _, v in added)


@pytest.mark.parametrize(("how", "expected"), [("last", "10"), ("max", "17"), ("average", "10.5")])
def test_levels(how: Any, expected: str) -> None:
    """5 before; in a window of eight days 17 from the second day on, and 10 from the fourth: (2 x 5 + 2 x 17 + 4 x 10) / 8."""
    shown = [
        Point(START - DAY, D(5)),
        Point(START + 2 * DAY, D(17)),
        Point(START + 4 * DAY, D(10)),
        Point(START + 8 * DAY, D(99)),
    ]
    assert quantity(shown, START, START + 8 * DAY, how, reset_is_after=True) == D(expected)


def revision(id: int, days: int, price: str | None) -> TermsRevision:
    made = terms(unit_amount=price) if price is not None else None
    return TermsRevision(id, START + days * DAY, made, Measured("s", "c", "calls", None, "si"))


def test_windows_end_at_renewals_and_where_the_price_changes_and_tile_the_life() -> None:
    revisions = [revision(1, 0, "1"), revision(2, 10, "2"), revision(3, 12, "2"), revision(4, 40, None)]
    found = unstored_windows(revisions, None, [START + 30 * DAY, START + 60 * DAY], START + 70 * DAY)
    covered_until = [((p.start - START).days, (p.end - START).days, p.revision.id) for p in found]
    assert covered_until == [(0, 10, 1), (10, 30, 3), (30, 40, 3)], (
        "a change that is none cuts nothing, and nothing follows the end"
    )
    assert unstored_windows(revisions, START + 40 * DAY, [START + 60 * DAY], START + 70 * DAY) == []
