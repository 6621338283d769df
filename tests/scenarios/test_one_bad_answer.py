"""One bad answer never ends a run: it is asked for again (R19, R20)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.apply import settling
from stripe_sync.core import deadlines
from stripe_sync.core.errors import RunStopped, Transient
from tests.house import House
from tests.metering import MINUTE, month_end, use

Build = Callable[[WorldBuilder], House]


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
    house_of: Build, town: WorldBuilder, method: str, path: str, how: dict[str, object]
) -> None:
    """R20: a proxy's page with status 200, on both APIs; the write is sent again under its key and made once."""
    house = house_of(town)
    house.world.faults.append(Fault(method, path, **how))  # type: ignore[arg-type]
    house.reconcile()
    assert house.world.faults == []
    assert {house.status(f"s-{n}") for n in (1, 2, 3)} == {("SUCCESS", "")}
    assert len(house.objects("customers")) == 3


def test_an_answer_that_trickles_in_is_asked_for_again(
    house_of: Build, town: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R19: a byte each second keeps every read busy; the request's own deadline ends it."""
    house = house_of(town)
    monkeypatch.setattr(deadlines, "SECONDS", 5.0)
    house.world.faults.append(Fault("GET", "/v1/prices", kind="trickle", seconds=1.0))
    house.reconcile()
    assert house.status("s-1") == ("SUCCESS", "")


def test_usage_of_one_customer_that_is_not_understood_leaves_the_others_read(
    house_of: Build, metered: WorldBuilder
) -> None:
    """The window of the one stays unread and its draft waits; 1000 calls of the other are 2.70 USD."""
    metered.customer("c-2", "Customer 2", "c2@example.test")
    metered.subscription("s-2", "c-2", "pro")
    house = house_of(metered)
    end = month_end(house, 1000)
    use(house, 1000, end - 2 * MINUTE, customerId="c-2")
    house.world.faults.append(Fault("STIGG", "UsageHistory", status=501))
    given = house.usage()
    assert given["read"] == 1
    (failed,) = given["failed"]
    assert "is not understood" in failed
    totals = sorted(i["total"] for i in house.objects("invoices") if i["billing_reason"] == "subscription_cycle")
    assert totals == [2000, 2270]
    house.later(10 * MINUTE)
    assert house.usage()["failed"] == []
    totals = sorted(i["total"] for i in house.objects("invoices") if i["billing_reason"] == "subscription_cycle")
    assert totals == [2270, 2270]


def test_a_lost_call_that_cannot_be_looked_into_is_that_rows_alone(
    house_of: Build, town: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its intent stays open and nothing is sent for its target; the other two customers are settled and go on."""
    house = house_of(town)
    house.reconcile(entities=["product", "price"])
    house.attempts = 1
    house.world.faults.append(Fault("POST", "/v1/customers", status=500, when="after", times=3))
    with pytest.raises(RunStopped, match="unknown outcome"):
        house.reconcile("lost")
    original = settling.made_by

    def made_by(call: Any, since: Any) -> Any:
        if call.action.target.endswith("c-1"):
            raise Transient("Stripe does not answer.")
        return original(call, since)

    monkeypatch.setattr(settling, "made_by", made_by)
    house.stigg("customers", customerId="c-1")["name"] = "Another name"  # another action with the same target
    house.reconcile("unread")
    assert house.status("c-1") == ("PENDING", "UNVERIFIED")
    assert house.status("c-2") == house.status("s-1") == ("SUCCESS", "")
    assert names(house) == ["Customer 1", "Customer 2", "Customer 3"], "nothing was sent for it"
    monkeypatch.setattr(settling, "made_by", original)
    house.reconcile("next")
    house.reconcile("after")
    assert house.status("c-1") == ("SUCCESS", "")
    assert names(house) == ["Another name", "Customer 2", "Customer 3"]


def names(house: House) -> list[str]:
    return sorted(c["name"] for c in house.objects("customers"))
