"""One bad answer never ends a run: the request is repeated (R19, R20)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.apply import settling
from stripe_sync.core import deadlines
from stripe_sync.core.errors import FatalError, Transient
from tests.support.harness import Harness
from tests.support.metering import MINUTE, month_end, use

Build = Callable[[WorldBuilder], Harness]


@pytest.mark.parametrize(
    ("method", "path", "how"),
    [
        ("GET", "/v1/prices", {"kind": "html"}),
        ("POST", "/v1/customers", {"kind": "html"}),
        ("STIGG", "Customers", {"kind": "html"}),
        ("STIGG", "Customers", {"kind": "strange"}),
        ("STIGG", "Customers", {"status": 409}),
    ],
)
def test_a_page_instead_of_an_answer_and_a_409_without_a_code_are_asked_for_again(
    harness_of: Build, small_world: WorldBuilder, method: str, path: str, how: dict[str, object]
) -> None:
    """R20: a proxy's page with status 200, on both APIs; the write is sent again under its key and made once."""
    harness = harness_of(small_world)
    harness.world.faults.append(Fault(method, path, **how))  # type: ignore[arg-type]
    harness.reconcile()
    assert harness.world.faults == []
    assert {harness.status(f"s-{n}") for n in (1, 2, 3)} == {("SUCCESS", "")}
    assert len(harness.objects("customers")) == 3


def test_an_answer_that_trickles_in_is_asked_for_again(
    harness_of: Build, small_world: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R19: a byte each second keeps every read busy; the request's own deadline ends it."""
    harness = harness_of(small_world)
    monkeypatch.setattr(deadlines, "SECONDS", 5.0)
    harness.world.faults.append(Fault("GET", "/v1/prices", kind="trickle", seconds=1.0))
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", "")


def test_usage_of_one_customer_that_is_not_understood_leaves_the_others_read(
    harness_of: Build, metered: WorldBuilder
) -> None:
    """The window of the one stays unread and its draft waits; 1000 calls of the other are 2.70 USD."""
    metered.customer("c-2", "Customer 2", "c2@example.test")
    metered.subscription("s-2", "c-2", "pro")
    harness = harness_of(metered)
    end = month_end(harness, 1000)
    use(harness, 1000, end - 2 * MINUTE, customerId="c-2")
    harness.world.faults.append(Fault("STIGG", "UsageHistory", status=501))
    given = harness.usage()
    assert given["read"] == 1
    (failed,) = given["failed"]
    assert "is not understood" in failed
    totals = sorted(i["total"] for i in harness.objects("invoices") if i["billing_reason"] == "subscription_cycle")
    assert totals == [2000, 2270]
    harness.later(10 * MINUTE)
    assert harness.usage()["failed"] == []
    totals = sorted(i["total"] for i in harness.objects("invoices") if i["billing_reason"] == "subscription_cycle")
    assert totals == [2270, 2270]


def test_a_lost_call_that_cannot_be_looked_into_is_that_rows_alone(
    harness_of: Build, small_world: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its intent stays open and nothing is sent for its target; the other two customers are settled and go on."""
    harness = harness_of(small_world)
    harness.reconcile(entities=["product", "price"])
    harness.attempts = 1
    harness.world.faults.append(Fault("POST", "/v1/customers", status=500, when="after", times=3))
    with pytest.raises(FatalError, match="unknown outcome"):
        harness.reconcile("lost")
    original = settling.recovered

    def recovered(call: Any, since: Any) -> Any:
        if call.action.target.endswith("c-1"):
            raise Transient("Stripe does not answer.")
        return original(call, since)

    monkeypatch.setattr(settling, "recovered", recovered)
    harness.stigg("customers", customerId="c-1")["name"] = "Another name"  # another action with the same target
    harness.reconcile("unread")
    assert harness.status("c-1") == ("PENDING", "UNVERIFIED")
    assert harness.status("c-2") == harness.status("s-1") == ("SUCCESS", "")
    assert names(harness) == ["Customer 1", "Customer 2", "Customer 3"], "nothing was sent for it"
    monkeypatch.setattr(settling, "recovered", original)
    harness.reconcile("next")
    harness.reconcile("after")
    assert harness.status("c-1") == ("SUCCESS", "")
    assert names(harness) == ["Another name", "Customer 2", "Customer 3"]


def names(harness: Harness) -> list[str]:
    return sorted(c["name"] for c in harness.objects("customers"))
