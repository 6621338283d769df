"""Ends of charges as a table: the moment, and the side that ended it. It is December 1, 00:10; the calls opened November 1."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from stripe_sync.core.clock import epoch
from stripe_sync.domain.model.seen import Seen
from stripe_sync.domain.model.stripe_subscriptions import CancellationDetails
from stripe_sync.domain.usage.decide.charge_ends import ended
from tests.unit.domain.usage.values import (
    DAY,
    END,
    NOW,
    START,
    inputs,
    stigg_subscription,
    stripe_subscription,
    terms_revision,
)

HALF = START + 14 * DAY
REQUESTED = {"cancellation_details": CancellationDetails("cancellation_requested")}
UNPAID = {"cancellation_details": CancellationDetails("payment_failed")}
DISPUTED = {"cancellation_details": CancellationDetails("payment_disputed")}
CALLS = {"id": "p-1", "billingModel": "USAGE_BASED", "billingPeriod": "MONTHLY", "feature": {"refId": "calls"}}
SEATS = CALLS | {"feature": {"refId": "seats"}}
FLAT = {"id": "p-2", "billingModel": "FLAT_FEE", "billingPeriod": "MONTHLY"}


def gone(at: datetime | None = HALF, status: str = "canceled", **more: Any) -> Any:
    return stripe_subscription(status, ended_at=epoch(at) if at is not None else None, **more)


def stigg(status: str = "ACTIVE", *prices: dict[str, Any], changed: datetime = HALF, **more: Any) -> Any:
    rows = [{"price": price, "updatedAt": f"{changed:%Y-%m-%dT%H:%M:%SZ}"} for price in prices]
    return stigg_subscription(status, prices=rows, **more)


def at(moment: datetime) -> dict[str, str]:
    return {"effectiveEndDate": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}


ENDS: dict[str, tuple[Any, Any, tuple[datetime, str] | None]] = {
    "active, and charges": (stripe_subscription(), stigg("ACTIVE", CALLS), None),
    "its feature by an add-on": (stripe_subscription(), stigg("ACTIVE", FLAT, addons=[
        {"addon": {"refId": "x"}, "quantity": "1", "price": CALLS}]), None),
    "not in Stripe's mirror": (None, stigg("CANCELED", **at(HALF)), None),
    "not in Stigg's mirror": (stripe_subscription(), None, None),
    "another feature": (stripe_subscription(), stigg("ACTIVE", SEATS), (HALF, "stigg")),
    "no usage of it": (stripe_subscription(), stigg("ACTIVE", FLAT), (HALF, "stigg")),
    "changed before it opened": (stripe_subscription(), stigg("ACTIVE", FLAT, changed=START - DAY), (NOW, "stigg")),
    "changed in the future": (stripe_subscription(), stigg("ACTIVE", FLAT, changed=END + DAY), (NOW, "stigg")),
    "no charge left": (stripe_subscription(), stigg("ACTIVE"), (NOW, "stigg")),
    "canceled in Stigg": (stripe_subscription(), stigg("CANCELED", CALLS, **at(HALF)), (HALF, "stigg")),
    "expired in Stigg": (stripe_subscription(), stigg("EXPIRED", CALLS, **at(HALF)), (HALF, "stigg")),
    "canceled before it opened": (stripe_subscription(), stigg("CANCELED", CALLS, **at(START - DAY)), (START, "stigg")),
    "canceled in Stigg, in the future": (stripe_subscription(), stigg("CANCELED", CALLS, **at(END + DAY)), (NOW, "stigg")),
    "both canceled, Stripe later": (gone(HALF + DAY), stigg("CANCELED", CALLS, **at(HALF)), (HALF, "stigg")),
    "both canceled, Stigg later": (gone(HALF), stigg("CANCELED", CALLS, **at(HALF + DAY)), (HALF, "stigg")),
    "a person canceled in Stripe": (gone(**REQUESTED), stigg("ACTIVE", CALLS), (HALF, "stigg")),
    "unpaid in Stripe": (gone(**UNPAID), stigg("ACTIVE", CALLS), (HALF, "stripe")),
    "disputed in Stripe": (gone(**DISPUTED), stigg("ACTIVE", CALLS), (HALF, "stripe")),
    "unpaid, canceled in Stigg as well": (gone(**UNPAID), stigg("CANCELED", CALLS, **at(END - DAY)), (HALF, "stripe")),
    "gone without a reason": (gone(), stigg("ACTIVE", CALLS), (HALF, "stripe")),
    "gone without a moment": (gone(None, **REQUESTED), stigg("ACTIVE", CALLS), (NOW, "stigg")),
    "its first invoice was never paid": (gone(status="incomplete_expired"), stigg("ACTIVE", CALLS), (HALF, "stripe")),
    "gone, unknown to Stigg": (gone(**REQUESTED), None, (HALF, "stigg")),
    "gone at the date that we set": (gone(cancel_at=epoch(HALF), metadata={"stiggCancelAt": str(epoch(HALF))}),
                                     stigg("ACTIVE", CALLS), (HALF, "stigg")),
    "gone at another's date": (gone(cancel_at=epoch(HALF), metadata={"stiggCancelAt": "1"}), stigg("ACTIVE", CALLS),
                               (HALF, "stripe")),
    "a date that we set, unpaid before": (gone(cancel_at=epoch(END), metadata={"stiggCancelAt": str(epoch(END))}, **UNPAID),
                                      stigg("ACTIVE", CALLS), (HALF, "stripe")),
}  # fmt: skip


@pytest.mark.parametrize(("held", "subscription", "end"), ENDS.values(), ids=ENDS)
def test_the_end_of_a_charge(held: Any, subscription: Any, end: tuple[datetime, str] | None) -> None:
    assert ended(inputs(held, subscription), "sub_1", terms_revision()) == end


def test_a_subscription_that_is_not_linked_has_no_end() -> None:
    assert ended(inputs(stripe_subscription()), "sub_2", terms_revision()) is None


FREE = {"pricingType": "FREE"}


@pytest.mark.parametrize(
    ("seen", "moment"),
    [
        (None, NOW),
        (Seen(epoch(HALF), epoch(HALF + DAY)), HALF + DAY),
        (Seen(epoch(HALF), epoch(END), planned=epoch(HALF + DAY)), HALF + DAY),
        (Seen(None, epoch(START - DAY)), START),
    ],
    ids=["now", "first-seen-free", "planned", "before-it-opened"],
)
def test_what_became_free_counts_until_it_was_seen_so(seen: Seen | None, moment: datetime) -> None:
    sides = inputs(stripe_subscription(), stigg("ACTIVE", **FREE), seen={"s-1": seen} if seen else {})
    assert ended(sides, "sub_1", terms_revision()) == (moment, "stigg")


def test_a_later_revision_does_not_end_before_it_began() -> None:
    late = terms_revision(since=END - timedelta(seconds=1))
    assert ended(inputs(gone(), stigg("CANCELED", CALLS, **at(HALF))), "sub_1", late) == (late.since, "stigg")
