"""How long Stripe lets the drafts of renewals wait: an hour is needed, and 72 hours are possible (BILLING 9, SB 1.2, SB 1.5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.pipeline import connect
from stripe_sync.warehouse import usage as usages
from tests import warehouses
from tests.house import House
from tests.metering import DAY, HOUR, MINUTE, cycle, ledger, lines, month_end, until
from tests.shell import command, environ

Build = Callable[[WorldBuilder], House]


def told(house: House) -> tuple[str, str]:
    """What connect says of the grace period."""
    session = house.session()
    found = connect.grace(session)
    session.close()
    return found.state, found.text


@pytest.mark.parametrize("answers", [True, False])
def test_a_grace_period_below_an_hour_pages_and_holds_the_draft_at_first_sight(
    house_of: Build, metered: WorldBuilder, answers: bool
) -> None:
    """Half an hour is too short. The draft that is held after that proves nothing about the account."""
    house = house_of(metered)
    house.attempts = 1
    house.world.billing["grace_hours"] = 0.5
    end = month_end(house)
    id = str(cycle(house)["id"])
    if not answers:
        house.world.faults.append(Fault("STIGG", "UsageHistory", status=503, times=100))
    given = house.usage(wakes=True)
    with house.engine.connect() as connection:
        assert usages.holds(connection, "test")[id].held is not answers, "held at first sight"
    assert any(f"Stripe finalizes {id} (30 minutes) earlier than an hour" in page for page in given["pages"])
    assert given["released"] == ([id] if answers else [])
    assert cycle(house)["automatically_finalizes_at"] == end + (30 * MINUTE + 1 if answers else DAY)
    failure = ("failure", "drafts are finalized after 30 minutes; set at least 1 hour in Stripe, Settings, Billing, "
                          "Invoices")  # fmt: skip
    assert told(house) == failure
    asked = command(environ(house), "init")
    assert (asked.returncode, "drafts are finalized after 30 minutes" in asked.stdout) == (1, True)
    house.world.faults.clear()
    house.later(10 * MINUTE)
    assert house.usage()["pages"] == [], "told once: it was moved"
    assert told(house) == failure
    until(house, end + HOUR + 10 * MINUTE)
    house.usage()
    assert ledger(house) == {"billed": ("1234", 333)}
    house.world.billing["grace_hours"] = 1
    month_end(house, 0)
    assert told(house)[0] == "warning", "the next renewal's draft waits an hour"


def test_an_hour_is_no_short_grace_period_and_a_held_draft_does_not_look_like_a_long_one(
    house_of: Build, metered: WorldBuilder
) -> None:
    house = house_of(metered)
    house.attempts = 1
    end = month_end(house)
    house.world.faults.append(Fault("STIGG", "UsageHistory", status=503, times=100))
    assert house.usage()["pages"] == []
    until(house, end + 45 * MINUTE)
    house.usage()
    assert cycle(house)["automatically_finalizes_at"] == end + DAY
    assert told(house) == (
        "warning",
        "drafts are finalized after 1.0 hours; 3 hours or more leave room for what goes wrong",
    )


def test_a_draft_of_seventy_two_hours_is_billed_in_its_last_hour_by_a_new_warehouse_too(
    house_of: Build, metered: WorldBuilder
) -> None:
    """SB 1.5: an account may let drafts wait 72 hours; what was lost until then is taken up from there."""
    house = house_of(metered)
    house.world.billing["grace_hours"] = 72
    end = month_end(house)
    until(house, end + 72 * HOUR)
    with warehouses.fresh() as (url, engine):
        house.engine, house.warehouse_url = engine, url
        house.reconcile("anew")
        house.usage("anew-usage")
        assert lines(cycle(house)) == [("1234", 333)]
        until(house, end + 72 * HOUR + MINUTE)
        house.usage("anew-later")
        assert ledger(house) == {"billed": ("1234", 333)}
