"""Amounts that a write invoices at once, compared with those that were planned or approved (BILLING 6)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from stripe_sync.core.lanes import Lane
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.due_amounts import changed_message, has_changed, invoices_at_once, is_above, tolerance

DAY = 86_400


def usd(amount: int) -> dict[str, Decimal]:
    return {"usd": Decimal(amount)}


def update(**after: Any) -> Action:
    """A change of 30.00 a month for which 29.87 are due now."""
    return Action(
        kind=ActionKind.SUBSCRIPTION_UPDATE,
        lane=Lane.SUBSCRIPTIONS,
        target="subscription:eu:a",
        after={"proration_behavior": "always_invoice"} | after,
        due_now=usd(2987),
        per_month=usd(3000),
    )


def creation(due: int) -> Action:
    return Action(
        kind=ActionKind.SUBSCRIPTION_CREATE,
        lane=Lane.SUBSCRIPTIONS,
        target="subscription:eu:a",
        after={},
        due_now=usd(due) if due else {},
    )


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (creation(3000), True),
        (creation(0), False),  # it begins to bill later
        (update(), True),
        (update(proration_behavior="create_prorations"), False),
        (update(proration_behavior="none"), False),
    ],
)
def test_a_creation_with_an_amount_and_a_change_with_an_invoice_bill_at_once(action: Action, *, expected: bool) -> None:
    assert invoices_at_once(action) is expected


@pytest.mark.parametrize(
    ("after", "seconds", "most"),
    [
        ({}, 0, 0),
        ({}, DAY, 108),  # 30.00 × 1 / 28 = 1.0714
        ({}, -5, 0),
        ({"proration_date": 1_700_000_000}, 30 * DAY, 0),  # it prorates from its own moment
    ],
)
def test_a_change_may_move_by_the_seconds_that_passed(after: dict[str, Any], seconds: int, most: int) -> None:
    action = update(**after)
    assert tolerance(action, "usd", seconds) == most
    assert not has_changed(action, usd(2987), usd(2987 - most), seconds=seconds)
    assert has_changed(action, usd(2987), usd(2987 + most + 1), seconds=seconds)
    assert has_changed(action, usd(2987), usd(2987 - most - 1), seconds=seconds)


def test_a_creation_costs_the_same_at_any_time() -> None:
    assert tolerance(creation(3000), "usd", 30 * DAY) == 0


def test_an_amount_in_another_currency_and_an_unknown_one_have_moved() -> None:
    assert has_changed(update(), usd(2987), {"eur": Decimal(2987)}, seconds=0)
    assert has_changed(update(), {}, usd(2987), seconds=0), "the plan of the approval was deleted"


@pytest.mark.parametrize(("untaxed", "expected"), [(3000, False), (1500, False), (3001, True)])
def test_an_amount_that_was_only_computed_is_an_upper_bound(untaxed: int, *, expected: bool) -> None:
    assert is_above(creation(3000), usd(untaxed), seconds=0) is expected


def test_the_message_has_both_amounts() -> None:
    assert changed_message(usd(2987), usd(302_987), was="approved") == (
        "Stripe would invoice 3029.87 USD now, and 29.87 USD were approved. It is planned again."
    )
