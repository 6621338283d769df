"""Repetition of declined writes (BILLING 6), as a function of the decline and the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stripe_sync.core.lanes import Lane
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.declines import (
    Decline,
    blocks,
    classify,
    left_open,
    may_charge,
    may_repeat,
    next_attempt,
    refused,
    waiting_message,
)

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def upgrade(quantity: str = "12", *, paid_by: str = "pm_1", **more: Any) -> Action:
    after = {"items": [{"price": "price:x", "quantity": quantity}], "payment_behavior": "error_if_incomplete"} | more
    return Action(
        kind=ActionKind.SUBSCRIPTION_UPDATE,
        lane=Lane.SUBSCRIPTIONS,
        target="subscription:e:s",
        after=after,
        paid_by=paid_by,
    )


def declined(code: str = "generic_decline", *, action: Action | None = None) -> Decline:
    return refused(None, action or upgrade(), code=code, detail="Refused.", now=NOW)


def test_a_soft_decline_is_repeated_on_four_days_and_then_never() -> None:
    """1, 3, 5 and 7 days after the first refusal, an hourly run each: five attempts in all."""
    decline, attempts = declined(), [NOW]
    for hours in range(1, 24 * 30):
        now = NOW + hours * HOUR
        if may_repeat(decline, upgrade(), now):
            attempts.append(now)
            decline = refused(decline, upgrade(), code="generic_decline", detail="Refused.", now=now)
    assert [moment - NOW for moment in attempts] == [0 * DAY, 1 * DAY, 3 * DAY, 5 * DAY, 7 * DAY]
    assert decline.refusals == 5
    assert next_attempt(decline) is None


def test_a_job_that_was_down_repeats_once_and_not_once_a_day_that_it_missed() -> None:
    decline, now = declined(), NOW + 4 * DAY
    assert may_repeat(decline, upgrade(), now)
    decline = refused(decline, upgrade(), code="generic_decline", detail="Refused.", now=now)
    assert next_attempt(decline) == NOW + 5 * DAY


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("generic_decline", "soft"), ("insufficient_funds", "soft"), ("card_declined", "soft"), ("", "soft"),
        ("stolen_card", "hard"), ("lost_card", "hard"), ("incorrect_number", "hard"),
        ("authentication_required", "authentication"), ("subscription_payment_intent_requires_action", "authentication"),
    ],
)  # fmt: skip
def test_kinds_of_declines(code: str, kind: str) -> None:
    """FACTS_A 53: the code of a payment that wants the customer is ``subscription_payment_intent_requires_action``."""
    assert classify(code) == kind
    assert (next_attempt(declined(code)) is None) is (kind != "soft")


@pytest.mark.parametrize("code", ["stolen_card", "authentication_required"])
def test_a_hard_decline_is_never_repeated_by_itself(code: str) -> None:
    assert not may_repeat(declined(code), upgrade(), NOW + 365 * DAY)
    assert may_repeat(declined(code), upgrade(paid_by="pm_2"), NOW)
    assert may_repeat(declined(code), upgrade("11"), NOW)
    assert may_repeat(replace(declined(code), is_freed=True), upgrade(), NOW)


def test_time_alone_is_not_another_wish() -> None:
    """The next period's anchor and the start of the running one move by themselves."""
    first = upgrade(billing_cycle_anchor=1, backdate_start_date=1)
    decline = declined("stolen_card", action=first)
    assert not may_repeat(decline, upgrade(billing_cycle_anchor=2), NOW)
    assert may_repeat(decline, upgrade(proration_date=5), NOW), "Stigg's own time of change: it was requested again"


def test_another_wish_or_card_begins_to_count_again() -> None:
    later = NOW + 10 * DAY
    decline = refused(declined(), upgrade(paid_by="pm_2"), code="generic_decline", detail="Refused.", now=later)
    assert (decline.refusals, decline.first_at) == (1, later)
    assert next_attempt(decline) == later + DAY


@pytest.mark.parametrize(
    ("status", "is_freed", "expected"),
    [
        ("open", False, True), ("open", True, True), ("paid", False, True), ("paid", True, False),
        ("void", False, False), ("uncollectible", False, False),
    ],
)  # fmt: skip
def test_an_invoice_that_the_call_left_stands_in_the_way(status: str, is_freed: bool, expected: bool) -> None:
    """SB 12.5: a refusal does not prove that no money moves later."""
    decline = replace(declined(), invoice="in_1", is_freed=is_freed)
    assert blocks(decline, status) is expected


def test_only_a_write_that_says_how_a_refusal_is_treated_may_charge() -> None:
    assert may_charge(upgrade())
    assert not may_charge(upgrade(payment_behavior=None))


def test_the_row_says_what_the_customer_does_and_when_it_is_tried_again() -> None:
    assert "2026-11-17 09:00 UTC" in waiting_message(declined())
    assert "portal link" in waiting_message(declined())
    assert "not tried again by itself" in waiting_message(declined("stolen_card"))
    assert "confirm the payment" in waiting_message(declined("authentication_required"))
    assert "in_1, which is open" in left_open(replace(declined(), invoice="in_1"), "open", is_collected=False)
