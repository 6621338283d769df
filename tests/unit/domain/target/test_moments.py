"""The moments at which time alone decides something else about a subscription are part of what was decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.errors import EntityError
from stripe_sync.domain.model.inputs import Inputs, Links, StripeView
from stripe_sync.domain.model.stripe import StripeCustomer
from stripe_sync.domain.model.stripe_subscriptions import Reference, StripeSubscription
from stripe_sync.domain.target.payment import card_timers, named_card, paid_by
from stripe_sync.domain.target.target_state import target_state
from tests.unit.domain.test_deciding import NOW, customer, inputs, package, subscription

LATE = timedelta(hours=48) + timedelta.resolution  # late_start_hours, and the first moment after


def stamp(moment: datetime) -> str:
    return moment.isoformat()


def timers(**more: Any) -> datetime | None:
    return target_state(inputs([package()], [customer()], [subscription(**more)])).timers.get("s-1")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"pricingType": "FREE"}, None),
        ({"pricingType": "FREE", "cancellationDate": stamp(NOW + timedelta(days=2))}, NOW + timedelta(days=2)),
        ({"status": "CANCELED", "effectiveEndDate": stamp(NOW - timedelta(days=2))}, None),
        ({"startDate": stamp(NOW - timedelta(days=9))}, datetime(2026, 12, 16, 6, tzinfo=UTC)),  # its next period
        ({"startDate": stamp(NOW)}, NOW + LATE),
        ({"startDate": stamp(NOW + timedelta(hours=1))}, NOW + timedelta(hours=1)),
        ({"startDate": stamp(NOW), "effectiveEndDate": stamp(NOW + timedelta(hours=3))}, NOW + timedelta(hours=3)),
    ],
)
def test_the_next_moment_of_a_subscription(more: dict[str, Any], expected: datetime | None) -> None:
    assert timers(**more) == expected


def test_deciding_changes_nothing_that_it_was_given() -> None:
    given = inputs([package()], [customer()], [subscription()])
    before = repr(given)
    assert target_state(given) == target_state(given)
    assert repr(given) == before


def with_card(*, month: int) -> Inputs:
    """Return inputs in which another subscription of the customer is paid by a card that is good until its month ends."""
    card = {"id": "pm_1", "type": "card", "customer": "cus_1", "card": {"exp_year": 2026, "exp_month": month}}
    held: dict[str, Any] = {
        "id": "sub_2",
        "customer": "cus_1",
        "status": "active",
        "currency": "usd",
        "items": {"data": []},
    }
    held |= {"collection_method": "charge_automatically", "default_payment_method": card}
    known = from_stripe({"id": "cus_1", "metadata": {}}, StripeCustomer)
    other = from_stripe(held, StripeSubscription)
    given = inputs([package()], [customer()], [subscription(paymentCollectionMethod="CHARGE")])
    view = StripeView({}, {}, {"cus_1": known}, {"sub_2": other})
    return replace(given, stripe=view, links=Links({"customer:e:c-1": "cus_1"}))


@pytest.mark.parametrize("shown", ["card_1", Reference("card_1")])
def test_a_subscription_without_a_payment_method_is_paid_by_its_source(shown: str | Reference) -> None:
    """SB 12.1; its month is unknown, so that no creation of another subscription names it."""
    given, paid = with_card(month=11), subscription(paymentCollectionMethod="CHARGE")
    held = structs.replace(given.stripe.subscriptions["sub_2"], default_payment_method=None)
    assert held.payment_method() is None
    other = structs.replace(held, default_source=shown)
    method = paid_by(given, paid, other)
    assert method is not None
    assert (method.id, method.type) == ("card_1", "source")
    alone = replace(given, stripe=replace(given.stripe, subscriptions={"sub_2": other}))
    with pytest.raises(EntityError, match="no default payment method"):
        named_card(alone, paid)


def test_the_month_of_the_card_that_a_creation_names_is_awaited() -> None:
    given, paid = with_card(month=11), subscription(paymentCollectionMethod="CHARGE")
    card = named_card(given, paid)
    assert card is not None
    assert card.id == "pm_1"
    assert card_timers(given, paid) == [datetime(2026, 12, 1, tzinfo=UTC)]
