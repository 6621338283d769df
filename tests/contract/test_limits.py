"""The limits of one subscription in the sandbox (SB 13.2)."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from sandbox.builder import WorldBuilder
from tests.contract.test_stripe_shapes import call
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]


@pytest.fixture
def harness(harness_of: Build, small_world: WorldBuilder) -> Harness:
    made = harness_of(small_world)
    made.reconcile()
    return made


def changed(harness: Harness, quantity: int, behavior: str = "none") -> httpx.Response:
    """Change the quantity of the first subscription's second item."""
    subscription = harness.objects("subscriptions")[0]
    item = subscription["items"]["data"][1]["id"]
    text = f"items[0][id]={item}&items[0][quantity]={quantity}&proration_behavior={behavior}"
    return call(harness, "POST", f"/v1/subscriptions/{subscription['id']}", text)


def refused(answer: httpx.Response) -> bool:
    """Return whether this is the 429 of one subscription, without a time and without effect on other requests."""
    found = (answer.status_code, answer.headers.get("stripe-rate-limited-reason"), "retry-after" in answer.headers)
    assert found in ((429, "resource-specific", False), (200, None, False)), answer.text
    return answer.status_code == 429


def test_ten_new_invoices_a_minute_and_twenty_a_day(harness: Harness) -> None:
    """SB 13.2: by the world's clock; the first invoice of the subscription counts, another subscription does not."""
    harness.later(120)
    assert [refused(changed(harness, 10 + n, "always_invoice")) for n in range(11)] == [False] * 10 + [True]
    harness.later(61)
    # One at the creation, ten above: nine more of this day.
    assert [refused(changed(harness, 40 + n, "always_invoice")) for n in range(10)] == [False] * 9 + [True]
    assert not refused(changed(harness, 60)), "a change without an invoice is no invoice"


def test_two_hundred_changes_of_quantity_an_hour(harness: Harness) -> None:
    """SB 13.2."""
    assert [refused(changed(harness, 10 + n)) for n in range(201)] == [False] * 200 + [True]
    harness.later(3601)
    assert not refused(changed(harness, 5))
