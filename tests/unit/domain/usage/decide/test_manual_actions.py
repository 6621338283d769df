"""Actions of people as tables: times to which drafts are held and released, and windows that may be waived."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal as D

import pytest
from msgspec import structs

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.domain.usage.decide.manual_actions import decide_waiver, hold_times, own_time, release_times
from stripe_sync.domain.usage.holds.draft_hold import DraftHold
from stripe_sync.domain.usage.holds.leads import leads
from stripe_sync.domain.usage.ledger import Balance, Balances, UsageState
from stripe_sync.domain.usage.windows import Window
from tests.unit.domain.usage.values import DAY, END, HOUR, METER, NOW, TERMS, full, invoice, window

S = UsageState
METERED = structs.replace(TERMS, meter=METER)
MINUTE = timedelta(minutes=1)


def hold(original: datetime | None, *, held: bool) -> DraftHold:
    return DraftHold("in_1", held=held, original=original, until=None, reason="")


@pytest.mark.parametrize(
    ("finalizes_at", "before", "own"),
    [
        (END + HOUR, None, END + HOUR),
        (END + DAY, hold(END + HOUR, held=True), END + HOUR),
        (END + DAY, hold(END + HOUR, held=False), END + DAY),
        (None, None, None),
        (END + DAY, hold(None, held=True), None),
    ],
    ids=["never-held", "held", "released", "stopped", "held-while-stopped"],
)
def test_the_time_without_a_hold(finalizes_at: datetime | None, before: DraftHold | None, own: datetime | None) -> None:
    assert own_time(invoice(finalizes_at=finalizes_at), before) == own


@pytest.mark.parametrize(
    ("deadline", "times"),
    [
        (NOW + DAY, [NOW + DAY, NOW + DAY]),
        (NOW + 66 * MINUTE, [NOW + 66 * MINUTE] * 2),
        (NOW + MINUTE, [NOW + MINUTE, NOW + 65 * MINUTE]),
    ],
    ids=["far", "after-65-minutes", "near"],
)
def test_a_draft_is_held_to_the_deadline_or_more_than_an_hour_ahead(deadline: datetime, times: list[datetime]) -> None:
    assert hold_times(invoice(), deadline, now=NOW) == times


@pytest.mark.parametrize("late", [timedelta(), MINUTE, DAY])
def test_a_draft_is_not_held_after_its_deadline(late: timedelta) -> None:
    with pytest.raises(ConfigurationError, match=r"in_1 may be held until .* UTC \(usage.hold_hours\), which is over"):
        hold_times(invoice(), NOW - late, now=NOW)


@pytest.mark.parametrize(
    ("original", "times"),
    [(END + HOUR, [END + HOUR, NOW + 65 * MINUTE]), (END, [NOW + 5 * MINUTE, NOW + 65 * MINUTE]),
     (None, [NOW + 5 * MINUTE, NOW + 65 * MINUTE]), (NOW + DAY, [NOW + DAY, NOW + DAY])],
    ids=["to-come", "over", "stopped", "far"],
)  # fmt: skip
def test_a_released_draft_has_its_own_time_or_a_later_one(original: datetime | None, times: list[datetime]) -> None:
    assert release_times(original, leads(""), now=NOW) == times


SENT: Balances = {S.SUBMITTED: full("120")}
WAIVERS: dict[str, tuple[Window, str]] = {  # (window, why it is refused)
    "pending": (window(), ""),
    "submitted": (window(S.SUBMITTED), ""),
    "verified": (window(S.VERIFIED), ""),
    "unbillable": (window(S.UNBILLABLE), ""),
    "reversed": (window(S.REVERSED), ""),
    "of nothing": (window(quantity="0"), ""),
    "billed": (window(S.BILLED), "is billed already"),
    "waived": (window(S.WAIVED), "is waived already"),
    "never read": (window(S.REPORTED), "was not read in Stigg yet"),
    "by a meter, not sent": (window(terms=METERED), ""),
    "by a meter, sent": (window(S.SUBMITTED, terms=METERED), "was sent to the meter mtr_1"),
    "by a meter, proven": (window(S.VERIFIED, terms=METERED), "was sent to the meter mtr_1"),
    "by a meter, counted before": (window(S.BILLED_EXTERNALLY, terms=METERED), "was sent to the meter mtr_1"),
    "by a meter, sent and corrected": (window(terms=METERED, balances=SENT), "was sent to the meter mtr_1"),
    "by a meter, never read": (window(S.REPORTED, terms=METERED), "was not read in Stigg yet"),
}


@pytest.mark.parametrize(("usage", "refused"), WAIVERS.values(), ids=WAIVERS)
def test_a_window_is_waived_unless_it_is_billed(usage: Window, refused: str) -> None:
    if refused:
        with pytest.raises(ConfigurationError, match=f"The row 7 {refused}"):
            decide_waiver(usage, reason="A gift.", person="ana")
        return
    drain = decide_waiver(usage, reason="A gift.", person="ana")
    movements = drain.movements(usage.balances)
    assert sum((m.balance for m in movements), Balance()).quantity == D(usage.quantity or 0)
    assert {(m.target, m.reason, m.person) for m in movements} == {(S.WAIVED, "A gift.", "ana")}
