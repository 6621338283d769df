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
from tests.scenarios.test_month_end_endings import end_in_stigg, finals
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, cycle, ledger, month_end, subscription, until, use

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


@pytest.mark.parametrize("how", [{"status": 500}, {"kind": "half"}], ids=["a 500", "an unreadable answer"])
def test_an_invoice_that_stays_unreadable_stops_its_subscription_alone(
    harness_of: Build, metered: WorldBuilder, how: dict[str, Any]
) -> None:
    """Issue 23, 2.10: the draft of s-1 cannot be read: it is held and raises an alert; those of s-2 and s-3 are billed, 2.70 USD each."""
    for number in (2, 3):
        metered.customer(f"c-{number}", f"Customer {number}", f"c{number}@example.test")
        metered.subscription(f"s-{number}", f"c-{number}", "pro")
    harness = harness_of(metered)
    harness.attempts = 1
    end = month_end(harness, 1000)
    for number in (2, 3):
        use(harness, 1000, end - 2 * MINUTE, customerId=f"c-{number}")
    bad = cycle(harness, "s-1")
    harness.world.faults.append(Fault("GET", f"/v1/invoices/{bad['id']}", times=10**6, **how))
    found = harness.usage(alerts=True)
    assert any(subscription(harness, "s-1")["id"] in page and "could not be" in page for page in found["pages"])
    assert [cycle(harness, f"s-{number}")["total"] for number in (1, 2, 3)] == [2000, 2270, 2270]
    until(harness, end + 40 * MINUTE)
    harness.usage(alerts=True)
    assert cycle(harness, "s-1")["automatically_finalizes_at"] > end + 3601, "it is held"
    until(harness, end + 2 * HOUR)
    final = cycle(harness, "s-2")
    harness.world.faults.append(Fault("GET", f"/v1/invoices/{final['id']}", times=10**6, **how))
    found = harness.usage(alerts=True)
    assert any(f"The invoices of {subscription(harness, 's-2')['id']} could not be read" in p for p in found["pages"])
    assert [problem["subscription"] for problem in found["unreadable"]] == ["s-2"]
    assert [cycle(harness, f"s-{number}")["status"] for number in (1, 2, 3)] == ["draft", "open", "open"]
    assert ledger(harness)["billed"] == ("1000", 270), "the usage of s-3 alone"
    harness.world.faults.clear()
    harness.later(MINUTE)
    harness.usage()
    assert ledger(harness)["billed"] == ("2000", 540)
    assert cycle(harness, "s-1")["total"] == 2270


def test_a_subscription_that_stays_unreadable_has_its_final_invoice_later_and_the_others_now(
    harness_of: Build, metered: WorldBuilder
) -> None:
    """Issue 23, 2.10: both ended after 10,000 calls, 27.00 USD each; the terms of the first cannot be read."""
    metered.customer("c-2", "Customer 2", "c2@example.test")
    metered.subscription("s-2", "c-2", "pro")
    harness = harness_of(metered)
    harness.attempts = 1
    harness.reconcile()
    harness.reconcile()
    harness.usage()
    for customer in ("c-1", "c-2"):
        use(harness, 10_000, harness.world.now + HOUR, customerId=customer)
    harness.later(DAY)
    for id in ("s-1", "s-2"):
        end_in_stigg(harness, harness.world.now, id)
    harness.later(10 * MINUTE)
    harness.reconcile()
    bad = subscription(harness, "s-1")["id"]
    harness.world.faults.append(Fault("GET", f"/v1/subscriptions/{bad}", times=10**6))
    (page,) = (page for page in harness.usage(alerts=True)["pages"] if bad in page)
    assert "could not be billed" in page
    (final,) = finals(harness)
    assert final["total"] == 2700
    harness.world.faults.clear()
    harness.later(MINUTE)
    harness.usage()
    assert [invoice["total"] for invoice in finals(harness)] == [2700, 2700]


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
