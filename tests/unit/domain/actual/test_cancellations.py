"""Cancellations that Stripe has and Stigg has not: those without doubt, and their target in Stigg (BILLING 7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stripe_sync.domain.actual.cancellations import canceled_in_stripe, cancellation, in_stigg
from stripe_sync.domain.model.inputs import Inputs, Links
from stripe_sync.domain.model.stripe import StripeCustomer
from tests.unit.domain.usage.values import inputs, stigg_subscription, stripe_subscription

KEY = "subscription:t:s-1"


def both(status: str = "canceled", stigg: str = "ACTIVE", **more: Any) -> Inputs:
    """Return both sides of one linked subscription, each with its status."""
    return inputs(stripe_subscription(status), stigg_subscription(stigg), **more)


def of_customer(given: Inputs, **fields: Any) -> Inputs:
    return replace(given, stripe=replace(given.stripe, customers={"cus_1": StripeCustomer("cus_1", **fields)}))


@pytest.mark.parametrize(
    ("status", "is_canceled"),
    [
        ("canceled", True),
        ("incomplete_expired", False),
        ("incomplete", False),
        ("active", False),
        ("trialing", False),
        ("past_due", False),
        ("unpaid", False),
        ("paused", False),
    ],
)
def test_only_a_canceled_subscription_is_canceled(status: str, is_canceled: bool) -> None:
    """``incomplete_expired`` is the end of our own creation, which was never paid."""
    found = canceled_in_stripe(both(status), KEY)
    assert (found.id if found is not None else None) == ("sub_1" if is_canceled else None)


def test_a_cancellation_by_the_journals_own_write_is_not_one_of_stripes() -> None:
    assert canceled_in_stripe(both(ended_by_us=frozenset({"sub_1"})), KEY) is None
    assert canceled_in_stripe(both(ended_by_us=frozenset({"sub_2"})), KEY) is not None


def test_absence_is_not_a_cancellation() -> None:
    """A subscription without a link, and a linked one that the snapshot does not have."""
    assert canceled_in_stripe(both(), "subscription:t:s-2") is None
    assert canceled_in_stripe(replace(both(), links=Links({})), KEY) is None
    assert canceled_in_stripe(inputs(None, stigg_subscription()), KEY) is None


def test_the_subscriptions_of_a_deleted_customer_are_not_canceled_in_stigg() -> None:
    """Deleting a customer in Stripe ends each of its subscriptions there, which says nothing about the plan in Stigg."""
    assert canceled_in_stripe(of_customer(both(), deleted=True), KEY) is None
    assert canceled_in_stripe(of_customer(both()), KEY) is not None


@pytest.mark.parametrize(
    ("stigg", "is_row"),
    [
        ("ACTIVE", True),
        ("IN_TRIAL", True),
        ("PAYMENT_PENDING", True),
        ("NOT_STARTED", True),
        ("CANCELED", False),
        ("EXPIRED", False),
    ],
)
def test_what_has_ended_in_stigg_too_needs_no_end(stigg: str, is_row: bool) -> None:
    found = list(in_stigg(both(stigg=stigg)))
    assert [(row.key, row.stripe_id) for row in found] == ([("stigg_subscription:t:s-1", "sub_1")] * is_row)


def test_the_target_is_an_end_in_stigg_under_the_key_of_the_actual_state() -> None:
    given, stigg = both(), stigg_subscription()
    held = canceled_in_stripe(given, KEY)
    assert held is not None
    target, (actual,) = cancellation(given, stigg, held), in_stigg(given)
    assert (target.kind, target.key, target.document) == (actual.kind, actual.key, {"ended": True})
    assert actual.document == {}
    assert target.entity == ("subscription", "s-1")
    assert target.facts["stripe_id"] == actual.stripe_id == "sub_1"
