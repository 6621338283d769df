"""How long Stripe lets the drafts of renewals wait: an hour is needed, and 72 hours are possible (BILLING 9, SB 1.2, SB 1.5)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest
import stripe

from sandbox.builder import WorldBuilder, flat
from sandbox.world.state import Fault
from stripe_sync.jobs.setup import connect
from stripe_sync.warehouse.usage import draft_holds
from tests.support import warehouses
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, LEAD, MINUTE, cycle, ledger, lines, month_end, until
from tests.support.shell import command, environ
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def message(harness: Harness) -> tuple[str, str]:
    """What connect says of the grace period."""
    session = harness.session()
    found = connect.grace(session)
    session.close()
    return found.state, found.text


@pytest.mark.parametrize("answers", [True, False])
def test_a_grace_period_below_an_hour_pages_and_holds_the_draft_at_first_sight(
    harness_of: Build, metered: WorldBuilder, answers: bool
) -> None:
    """Half an hour is too short: proven use gets the hour too. What is held proves nothing about the account."""
    harness = harness_of(metered)
    harness.attempts = 1
    harness.world.billing["grace_hours"] = 0.5
    end = month_end(harness)
    id = str(cycle(harness)["id"])
    if not answers:
        harness.world.faults.append(Fault("STIGG", "UsageHistory", status=503, times=100))
    given = harness.usage(alerts=True)
    with harness.engine.connect() as connection:
        assert draft_holds.holds(connection, "test")[id].held is not answers, "held at first sight"
    assert any(f"Stripe finalizes {id} (30 minutes) earlier than an hour" in page for page in given["pages"])
    assert given["released"] == ([id] if answers else [])
    assert cycle(harness)["automatically_finalizes_at"] == end + (MINUTE + LEAD if answers else DAY)
    failure = ("failure", "drafts are finalized after 30 minutes; set at least 1 hour in Stripe, Settings, Billing, "
                          "Invoices")  # fmt: skip
    assert message(harness) == failure
    requested = command(environ(harness), "init")
    assert (requested.returncode, "drafts are finalized after 30 minutes" in requested.stdout) == (1, True)
    harness.world.faults.clear()
    harness.later(10 * MINUTE)
    assert harness.usage()["pages"] == [], "told once: it was moved"
    assert message(harness) == failure
    until(harness, end + 80 * MINUTE)
    harness.usage()
    assert ledger(harness) == {"billed": ("1234", 333)}
    harness.world.billing["grace_hours"] = 1
    month_end(harness, 0)
    assert message(harness)[0] == "warning", "the next renewal's draft waits an hour"


def test_an_hour_is_no_short_grace_period_and_a_held_draft_does_not_look_like_a_long_one(
    harness_of: Build, metered: WorldBuilder
) -> None:
    harness = harness_of(metered)
    harness.attempts = 1
    end = month_end(harness)
    harness.world.faults.append(Fault("STIGG", "UsageHistory", status=503, times=100))
    assert harness.usage()["pages"] == []
    until(harness, end + 45 * MINUTE)
    harness.usage()
    assert cycle(harness)["automatically_finalizes_at"] == end + DAY
    assert message(harness) == (
        "warning",
        "drafts are finalized after 1.0 hours; 3 hours or more are recommended",
    )


def test_a_draft_of_seventy_two_hours_is_billed_in_its_last_hour_by_a_new_warehouse_too(
    harness_of: Build, metered: WorldBuilder
) -> None:
    """SB 1.5: an account may let drafts wait 72 hours; what was lost until then is taken up from there."""
    harness = harness_of(metered)
    harness.world.billing["grace_hours"] = 72
    end = month_end(harness)
    until(harness, end + 72 * HOUR)
    with warehouses.fresh() as (url, engine):
        harness.engine, harness.warehouse_url = engine, url
        harness.reconcile("anew")
        harness.usage("anew-usage")
        assert lines(cycle(harness)) == [("1234", 333)]
        until(harness, end + 72 * HOUR + MINUTE)
        harness.usage("anew-later")
        assert ledger(harness) == {"billed": ("1234", 333)}


def licensed(harness_of: Build, *, grace_hours: float = 1 / 3) -> tuple[Harness, int, str]:
    """A plan of 20 a month without use, a minute after its renewal: the harness, the renewal and its draft."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.plan("basic", "Basic", [flat(20)])
    world.customer("c-1", "Customer 1", "c1@example.test")
    world.subscription("s-1", "c-1", "basic")
    harness = harness_of(world)
    harness.attempts = 1
    harness.world.billing["grace_hours"] = grace_hours
    end = month_end(harness)
    return harness, end, str(cycle(harness)["id"])


def requested(harness: Harness, work: Callable[[], object]) -> int:
    """How many requests Stripe gets."""
    before = sum(r.side == "stripe" for r in harness.world.requests)
    work()
    return sum(r.side == "stripe" for r in harness.world.requests) - before


def test_a_draft_without_use_that_waits_twenty_minutes_is_told_and_given_an_hour(harness_of: Build) -> None:
    """BILLING 9: each renewal's draft. Of a licensed plan nothing is missing on it, so an hour is enough (BILLING 7)."""
    harness, end, id = licensed(harness_of)
    assert cycle(harness)["automatically_finalizes_at"] == end + 20 * MINUTE + 1
    given = harness.usage(alerts=True)
    assert given["short"] == {id: 1201}
    assert any(f"Stripe finalizes {id} (20 minutes) earlier than an hour" in page for page in given["pages"])
    assert cycle(harness)["automatically_finalizes_at"] == end + MINUTE + LEAD, "held at first sight"
    failure = ("failure", "drafts are finalized after 20 minutes; set at least 1 hour in Stripe, Settings, Billing, "
                          "Invoices")  # fmt: skip
    assert message(harness) == failure, "what was held proves nothing about the account"
    for line in (["init"], ["connect", "test"]):
        done = command(environ(harness), *line)
        assert (done.returncode, "drafts are finalized after 20 minutes" in done.stdout) == (1, True)
    harness.later(10 * MINUTE)
    assert harness.usage()["pages"] == [], "told once: it was moved"
    until(harness, end + MINUTE + LEAD)
    assert (cycle(harness)["status"] != "draft", cycle(harness)["total"]) == (True, 2000)
    harness.usage()
    harness.world.billing["grace_hours"] = 1
    month_end(harness)
    harness.usage()
    until(harness, harness.world.now + 2 * HOUR)
    assert message(harness)[0] == "warning", "the newest draft that nobody moved waited an hour, and it is final by now"


def test_where_nothing_may_be_written_a_short_draft_is_told_by_every_run(harness_of: Build) -> None:
    harness, end, id = licensed(harness_of)
    harness.change(modes=harness.environment.modes | {"usage": "observe"})
    for _ in range(2):
        assert harness.usage(alerts=True)["short"] == {id: 1201}
        harness.later(5 * MINUTE)
    assert cycle(harness)["automatically_finalizes_at"] == end + 20 * MINUTE + 1


@ends("short_leads_refused", yes=HOUR + 1, no=25 * MINUTE)
def test_drafts_that_are_short_for_a_reason_are_no_exceptions(harness_of: Build, end: int) -> None:
    """One that a person moved, one that we hold, one that a failing webhook delays, and somebody else's (SB 1.4, 6.1).

    A person moves it to 25 minutes after the renewal, where Stripe accepts so near a time.
    """
    harness, renewal, id = licensed(harness_of, grace_hours=1)
    harness.world.billing["webhook_failing"] = True
    assert (harness.usage()["short"], cycle(harness)["automatically_finalizes_at"]) == ({}, renewal + HOUR + 1)
    is_near = end < HOUR
    with nullcontext() if is_near else pytest.raises(stripe.InvalidRequestError):
        near = {"auto_advance": True, "automatically_finalizes_at": renewal + 25 * MINUTE}
        harness.stripe().v1.invoices.update(id, near)
    assert cycle(harness)["automatically_finalizes_at"] == renewal + end
    assert harness.usage()["short"] == {}, "a person did it, or could not"
    assert message(harness)[0] == "warning"
    harness.world.faults.append(Fault("GET", "/v1/events", status=403))
    found = harness.usage(alerts=is_near)["short"]
    assert found == ({id: 1500} if is_near else {}), "without the right to read events, nobody is known to have"
    if is_near:
        assert cycle(harness)["automatically_finalizes_at"] == renewal + HOUR
        assert harness.usage()["short"] == {}, "we hold it"


def test_a_run_with_no_renewal_in_the_last_hour_asks_nothing(harness_of: Build) -> None:
    """Requests: one list of drafts in a run of the hour after a renewal, none in another; stuck invoices are looked for hourly."""
    harness, end, _ = licensed(harness_of, grace_hours=72)
    assert requested(harness, harness.usage) == 3, "drafts, and twice what is stuck"
    harness.later(10 * MINUTE)
    assert requested(harness, harness.usage) == 1, "drafts"
    until(harness, end + 65 * MINUTE)
    harness.usage()
    until(harness, end + 75 * MINUTE)
    assert requested(harness, harness.usage) == 0
