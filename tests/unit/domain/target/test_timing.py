"""The end that Stripe is given for one that Stigg gives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from stripe_sync.core.clock import epoch
from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.model.stripe_subscriptions import ItemList, StripeSubscription
from stripe_sync.domain.target.timing import cancel_at, trial_end
from tests.unit.domain.test_deciding import NOW, customer, inputs, package, subscription

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def end_to_set(end: timedelta | None, held: timedelta | None) -> timedelta | None:
    """Return the ``cancel_at`` to set, for an end in Stigg and one in Stripe, all from now; the period ends in ten days."""
    more = {} if end is None else {"effectiveEndDate": (NOW + end).isoformat()}
    row = subscription(**more)
    price = {"id": "price_1", "product": "prod_1", "currency": "usd", "type": "recurring", "active": True}
    item: dict[str, Any] = {
        "id": "si_1",
        "price": price | {"recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}},
        "current_period_start": epoch(NOW - 20 * DAY),
        "current_period_end": epoch(NOW + 10 * DAY),
    }
    body: dict[str, Any] = {
        "id": "sub_1",
        "customer": "cus_1",
        "status": "active",
        "currency": "usd",
        "collection_method": "send_invoice",
        "items": {"data": [item], "has_more": False},
        "cancel_at": None if held is None else epoch(NOW + held),
        "billing_cycle_anchor": epoch(NOW - 20 * DAY),
    }
    found = cancel_at(inputs([package()], [customer()], [row]), row, from_stripe(body, StripeSubscription))
    return None if found is None else timedelta(seconds=found - epoch(NOW))


@pytest.mark.parametrize(
    ("end", "held", "expected"),
    [
        pytest.param(DAY, None, DAY, id="a future end is set"),
        pytest.param(DAY, 2 * DAY, DAY, id="a future end is moved"),
        pytest.param(None, DAY, None, id="an end that Stigg removed is removed"),
        pytest.param(-HOUR, -HOUR, -HOUR, id="a past end that Stigg still gives is kept"),
        pytest.param(timedelta(0), timedelta(0), timedelta(0), id="an end now is kept"),
        pytest.param(-HOUR, None, None, id="a past end is not set"),
        pytest.param(-HOUR, DAY, None, id="the end of another party is not kept"),
    ],
)
def test_the_end_to_set(end: timedelta | None, held: timedelta | None, expected: timedelta | None) -> None:
    assert end_to_set(end, held) == expected


@pytest.mark.parametrize(
    ("status", "days", "expected"),
    [
        ("IN_TRIAL", 30, 30),
        ("IN_TRIAL", 14, 14),
        ("IN_TRIAL", 3, 3),
        ("IN_TRIAL", -1, 14),
        ("ACTIVE", 2, None),
    ],
    ids=["extended", "as sold", "shortened", "over in Stigg", "converted early"],
)
def test_the_end_of_a_trial_in_stripe_follows_stigg(status: str, days: int, expected: int | None) -> None:
    row = subscription(status=status, trialEndDate=(NOW + timedelta(days=days)).isoformat())
    held = StripeSubscription(
        "sub_1",
        "cus_1",
        "trialing",
        ItemList([]),
        "charge_automatically",
        "usd",
        trial_end=epoch(NOW + timedelta(days=14)),
    )
    end = None if expected is None else epoch(NOW + timedelta(days=expected))
    assert trial_end(inputs(), row, held) == end
    over = epoch(NOW + timedelta(minutes=59))
    converted = subscription(trialEndDate=NOW.isoformat())
    assert trial_end(inputs(), converted, structs.replace(held, trial_end=over)) == over, (
        "Stripe ends it within the hour"
    )
    assert trial_end(inputs(), row, structs.replace(held, status="active")) is None
