"""How long Stripe lets the drafts of renewals wait: an hour is needed, and 72 hours are possible (BILLING 9, SB 1.2, SB 1.5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat
from sandbox.world.state import Fault
from stripe_sync.jobs.setup import connect
from stripe_sync.warehouse.usage import draft_holds
from tests import warehouses
from tests.house import House
from tests.metering import DAY, HOUR, LEAD, MINUTE, cycle, ledger, lines, month_end, until
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
    """Half an hour is too short: proven use gets the hour too. What is held proves nothing about the account."""
    house = house_of(metered)
    house.attempts = 1
    house.world.billing["grace_hours"] = 0.5
    end = month_end(house)
    id = str(cycle(house)["id"])
    if not answers:
        house.world.faults.append(Fault("STIGG", "UsageHistory", status=503, times=100))
    given = house.usage(wakes=True)
    with house.engine.connect() as connection:
        assert draft_holds.holds(connection, "test")[id].held is not answers, "held at first sight"
    assert any(f"Stripe finalizes {id} (30 minutes) earlier than an hour" in page for page in given["pages"])
    assert given["released"] == ([id] if answers else [])
    assert cycle(house)["automatically_finalizes_at"] == end + (MINUTE + LEAD if answers else DAY)
    failure = ("failure", "drafts are finalized after 30 minutes; set at least 1 hour in Stripe, Settings, Billing, "
                          "Invoices")  # fmt: skip
    assert told(house) == failure
    asked = command(environ(house), "init")
    assert (asked.returncode, "drafts are finalized after 30 minutes" in asked.stdout) == (1, True)
    house.world.faults.clear()
    house.later(10 * MINUTE)
    assert house.usage()["pages"] == [], "told once: it was moved"
    assert told(house) == failure
    until(house, end + 80 * MINUTE)
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


def licensed(house_of: Build, *, grace_hours: float = 1 / 3) -> tuple[House, int, str]:
    """A plan of 20 a month without use, a minute after its renewal: the house, the renewal and its draft."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.plan("basic", "Basic", [flat(20)])
    world.customer("c-1", "Customer 1", "c1@example.test")
    world.subscription("s-1", "c-1", "basic")
    house = house_of(world)
    house.attempts = 1
    house.world.billing["grace_hours"] = grace_hours
    end = month_end(house)
    return house, end, str(cycle(house)["id"])


def asked(house: House, work: Callable[[], object]) -> int:
    """How many requests Stripe gets."""
    before = sum(r.side == "stripe" for r in house.world.requests)
    work()
    return sum(r.side == "stripe" for r in house.world.requests) - before


def test_a_draft_without_use_that_waits_twenty_minutes_is_told_and_given_an_hour(house_of: Build) -> None:
    """BILLING 9: each renewal's draft. Of a licensed plan nothing is missing on it, so an hour is enough (BILLING 7)."""
    house, end, id = licensed(house_of)
    assert cycle(house)["automatically_finalizes_at"] == end + 20 * MINUTE + 1
    given = house.usage(wakes=True)
    assert given["short"] == {id: 1201}
    assert any(f"Stripe finalizes {id} (20 minutes) earlier than an hour" in page for page in given["pages"])
    assert cycle(house)["automatically_finalizes_at"] == end + MINUTE + LEAD, "held at first sight"
    failure = ("failure", "drafts are finalized after 20 minutes; set at least 1 hour in Stripe, Settings, Billing, "
                          "Invoices")  # fmt: skip
    assert told(house) == failure, "what was held proves nothing about the account"
    for line in (["init"], ["connect", "test"]):
        done = command(environ(house), *line)
        assert (done.returncode, "drafts are finalized after 20 minutes" in done.stdout) == (1, True)
    house.later(10 * MINUTE)
    assert house.usage()["pages"] == [], "told once: it was moved"
    until(house, end + MINUTE + LEAD)
    assert (cycle(house)["status"] != "draft", cycle(house)["total"]) == (True, 2000)
    house.usage()
    house.world.billing["grace_hours"] = 1
    month_end(house)
    house.usage()
    until(house, house.world.now + 2 * HOUR)
    assert told(house)[0] == "warning", "the newest draft that nobody moved waited an hour, and it is final by now"


def test_where_nothing_may_be_written_a_short_draft_is_told_by_every_run(house_of: Build) -> None:
    house, end, id = licensed(house_of)
    house.change(modes=house.environment.modes | {"usage": "observe"})
    for _ in range(2):
        assert house.usage(wakes=True)["short"] == {id: 1201}
        house.later(5 * MINUTE)
    assert cycle(house)["automatically_finalizes_at"] == end + 20 * MINUTE + 1


def test_drafts_that_are_short_for_a_reason_are_no_exceptions(house_of: Build) -> None:
    """One that a person moved, one that we hold, one that a failing webhook delays, and somebody else's (SB 1.4, 6.1)."""
    house, end, id = licensed(house_of, grace_hours=1)
    house.world.billing["webhook_failing"] = True
    assert (house.usage()["short"], cycle(house)["automatically_finalizes_at"]) == ({}, end + HOUR + 1)
    house.world.unknowns["short_leads_refused"] = False
    house.stripe().v1.invoices.update(id, {"auto_advance": True, "automatically_finalizes_at": end + 25 * MINUTE})
    assert house.usage()["short"] == {}, "a person moved it"
    assert told(house)[0] == "warning"
    house.world.faults.append(Fault("GET", "/v1/events", status=403))
    assert house.usage(wakes=True)["short"] == {id: 1500}, "without the right to read events, nobody is known to have"
    assert cycle(house)["automatically_finalizes_at"] == end + HOUR
    assert house.usage()["short"] == {}, "we hold it"


def test_a_run_with_no_renewal_in_the_last_hour_asks_nothing(house_of: Build) -> None:
    """Requests: one list of drafts in a run of the hour after a renewal, none in another; stuck invoices are looked for hourly."""
    house, end, _ = licensed(house_of, grace_hours=72)
    assert asked(house, house.usage) == 3, "drafts, and twice what is stuck"
    house.later(10 * MINUTE)
    assert asked(house, house.usage) == 1, "drafts"
    until(house, end + 65 * MINUTE)
    house.usage()
    until(house, end + 75 * MINUTE)
    assert asked(house, house.usage) == 0
