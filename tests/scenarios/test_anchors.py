"""Renewals on the day of the month on which a subscription began, also after a short month (R2, SB 11.8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat
from sandbox.world.state import iso
from stripe_sync.domain.actual.billing_periods import ANCHOR
from stripe_sync.warehouse import manual_actions
from tests.support.harness import Harness
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_a_subscription_that_began_on_the_31st_comes_back_to_it(harness_of: Build, small_world: WorldBuilder) -> None:
    """Made in February, with Stigg's period ending on the 28th: it renews on 28 February, 31 March and 30 April."""
    small_world.now = at("2027-02-20T09:00:00")
    row = small_world.stigg["subscriptions"][0]
    row |= {
        "startDate": iso(at("2027-01-31T10:00:00")),
        "createdAt": iso(small_world.now - 3600),
        "billingCycleAnchor": iso(at("2027-01-31T10:00:00")),
        "currentBillingPeriodStart": iso(at("2027-01-31T10:00:00")),
        "currentBillingPeriodEnd": iso(at("2027-02-28T10:00:00")),
    }
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", "")
    renewed = []
    for moment in ("2027-03-01T10:00:00", "2027-04-01T10:00:00", "2027-05-01T10:00:00"):
        harness.later(at(moment) - harness.world.now)
        (made,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == "s-1"]
        renewed.append(made["items"]["data"][0]["current_period_start"])
    assert renewed == [at("2027-02-28T10:00:00"), at("2027-03-31T10:00:00"), at("2027-04-30T10:00:00")]


def begin_in_october(small_world: WorldBuilder) -> None:
    """s-1 began on 31 October: periods [31 Oct, 30 Nov), [30 Nov, 31 Dec)."""
    small_world.now = at("2027-10-31T12:00:00")
    began = iso(at("2027-10-31T10:00:00"))
    small_world.stigg["subscriptions"][0] |= {
        "startDate": began, "createdAt": began, "billingCycleAnchor": began, "currentBillingPeriodStart": began,
        "currentBillingPeriodEnd": iso(at("2027-11-30T10:00:00")),
    }  # fmt: skip


@ends("end_removal_resets_anchor", yes="2028-03-29T10:00:00", no="2028-03-31T10:00:00")
def test_an_end_that_is_taken_away_may_move_the_renewals_and_that_is_a_difference(
    harness_of: Build, small_world: WorldBuilder, end: Any
) -> None:
    """SB 21.1 (end_removal_resets_anchor): from 29 February on, the 31st comes back, or the 29th stays for good."""
    small_world.now = at("2027-12-31T12:00:00")
    began = iso(at("2027-12-31T10:00:00"))
    small_world.stigg["subscriptions"][0] |= {
        "startDate": began, "createdAt": began, "billingCycleAnchor": began, "currentBillingPeriodStart": began,
        "currentBillingPeriodEnd": iso(at("2028-01-31T10:00:00")),
    }  # fmt: skip
    harness = harness_of(small_world)
    harness.reconcile()
    harness.later(at("2028-03-10T10:00:00") - harness.world.now)
    row, requested = harness.stigg("subscriptions", subscriptionId="s-1"), at("2028-03-20T10:00:00")
    row["cancellationDate"] = row["effectiveEndDate"] = iso(requested)
    harness.reconcile()
    (made,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == "s-1"]
    assert made["cancel_at"] == requested
    row["cancellationDate"] = row["effectiveEndDate"] = None
    harness.reconcile()
    assert made["cancel_at"] is None
    for _ in range(2):
        assert made["items"]["data"][0]["current_period_end"] == at(end)
        harness.reconcile()
        found = [r for r in harness.drift() if r.entity == ("subscription", "s-1")]
        differs = end != "2028-03-31T10:00:00"
        assert [r.field for r in found] == (["renewal"] if differs else [])
        assert all(
            "2028-03-29 10:00:00 UTC in Stripe and 2028-03-31 10:00:00 UTC in Stigg" in r.sentence for r in found
        )
        assert all(r.severity == "money" for r in found)
        assert harness.status("s-1")[0] == ("PENDING" if differs else "SUCCESS")
        harness.later(3600)


def test_an_end_on_the_day_that_a_short_month_took_is_told_once(harness_of: Build, small_world: WorldBuilder) -> None:
    """SB 21.1. Begun on 31 October: periods [31 Oct, 30 Nov), [30 Nov, 31 Dec). An end on 31 December stands."""
    begin_in_october(small_world)
    harness = harness_of(small_world)
    harness.reconcile()
    (made,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == "s-1"]
    harness.later(at("2027-12-10T10:00:00") - harness.world.now)
    end = at("2027-12-31T10:00:00")
    assert made["items"]["data"][0]["current_period_end"] == end
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    row["cancellationDate"] = row["effectiveEndDate"] = iso(end)
    harness.reconcile()
    assert made["cancel_at"] == end
    assert [a for a in harness.plan().plan.actions if a.target == "subscription:test:s-1"] == []
    harness.reconcile()
    assert made["cancel_at"] == end


def by_the_year(world: WorldBuilder, harness: Harness) -> None:
    """Let the customer of s-1 pay 200.00 by the year from now on, in place of 20.00 by the month."""
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    annual = world.subscription("s-2", "c-1", "pro", period="ANNUALLY", hours_ago=0)
    world.stigg["subscriptions"].remove(annual)
    row |= {"billingPeriod": "ANNUALLY", "prices": annual["prices"]}


def monthly(build: Build) -> tuple[WorldBuilder, Harness, dict[str, Any]]:
    """A harness in which s-1 began at 10:00 on 5 January for 20.00 a month; its interval may change; (world, harness, s-1)."""
    world = WorldBuilder(at("2027-01-05T12:00:00"))
    world.product("acme", "Acme")
    world.plan("pro", "Pro", [flat(20), flat(200, period="ANNUALLY")])
    world.customer("c-1", "Customer 1", "c1@example.test")
    world.subscription("s-1", "c-1", "pro", hours_ago=2)
    harness = build(world)
    harness.reconcile()
    manual_actions.answer(harness.engine, "test", "interval_change", answer="yes", detail="", request_ids=[])
    (made,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == "s-1"]
    return world, harness, made


def end_at(harness: Harness, moment: int | None) -> None:
    """Set or remove the end of s-1 in Stigg, and apply it in Stripe."""
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    row["cancellationDate"] = row["effectiveEndDate"] = iso(moment) if moment is not None else None
    harness.reconcile()


def test_periods_that_begin_again_on_purpose_are_no_renewals_that_moved(harness_of: Build) -> None:
    """An end is set and taken away; then the interval changes, whose periods begin on 20 January: nothing differs.

    20.00 for the 31 days from 5 January 10:00; 16 of them are unused on the 20th at 10:00: -10.322, rounded down -10.33;
    200.00 begin: 189.67.
    """
    world, harness, made = monthly(harness_of)
    anchor = made["billing_cycle_anchor"]
    end_at(harness, at("2027-01-25T10:00:00"))
    end_at(harness, None)
    assert made["metadata"].get(ANCHOR) == str(anchor)
    harness.later(at("2027-01-20T10:00:00") - harness.world.now)
    by_the_year(world, harness)
    harness.reconcile()
    assert made["billing_cycle_anchor"] == at("2027-01-20T10:00:00")
    assert [i["total"] for i in harness.objects("invoices") if i["billing_reason"] == "subscription_update"] == [18_967]
    assert ANCHOR not in made["metadata"]
    harness.reconcile()
    assert (harness.drift(), harness.status("s-1")) == ([], ("SUCCESS", ""))


def test_an_end_that_is_set_anew_notes_the_anchor_of_then(harness_of: Build) -> None:
    """The note is the anchor of the periods that run: of 31 January, on which the interval changed, and not of the 5th."""
    world, harness, made = monthly(harness_of)
    end_at(harness, at("2027-01-25T10:00:00"))
    end_at(harness, None)
    harness.later(at("2027-01-31T10:00:00") - harness.world.now)
    by_the_year(world, harness)
    harness.reconcile()
    end_at(harness, at("2027-09-01T10:00:00"))
    assert made["metadata"].get(ANCHOR) == str(at("2027-01-31T10:00:00"))
    end_at(harness, None)
    harness.reconcile()
    assert made["items"]["data"][0]["current_period_end"] == at("2028-01-31T10:00:00")
    assert (harness.drift(), harness.status("s-1")) == ([], ("SUCCESS", ""))


@pytest.mark.parametrize("together", [False, True], ids=["the end stood before", "both at once"])
def test_an_end_that_stands_while_periods_begin_again_has_the_new_anchor(harness_of: Build, together: bool) -> None:
    """An end on 30 January; the interval changes on the 20th: the note is of the 20th, and no difference is left."""
    world, harness, made = monthly(harness_of)
    if not together:
        end_at(harness, at("2027-01-30T10:00:00"))
    harness.later(at("2027-01-20T10:00:00") - harness.world.now)
    by_the_year(world, harness)
    end_at(harness, at("2027-01-30T10:00:00"))
    harness.reconcile()
    assert made["billing_cycle_anchor"] == at("2027-01-20T10:00:00")
    assert made["cancel_at"] == at("2027-01-30T10:00:00")
    assert made["metadata"].get(ANCHOR) == str(at("2027-01-20T10:00:00"))
    assert harness.drift() == []
    harness.reconcile()
    assert harness.status("s-1")[0] == "SUCCESS"
