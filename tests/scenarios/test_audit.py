"""The audit of a closed month: what each invoice should bill, in advance and for use, and what is on none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.jobs.finance.month_audit import audit
from tests.scenarios.test_usage_rules import MINIMUM, renewed, world
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, audited, cycle, period_end, subscription, until
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def test_the_audit_of_a_month_compares_every_invoice_and_finds_what_is_missing(harness_of: Build) -> None:
    harness = harness_of(world(MINIMUM, usage("calls", 1)))
    end = renewed(harness, 130)
    harness.usage()
    until(harness, end + 2 * HOUR)
    harness.usage()
    session = harness.session()
    (row,) = audited(session, "2026-12")
    assert (row["expected"], row["invoiced"], row["difference"], row["missing"]) == (13_000, 13_000, 0, 0), (
        "100 in advance, and 30 more than that covers"
    )
    (line, *_) = [li for li in cycle(harness)["lines"]["data"] if li["amount"] == 3000]
    line["amount"] = 2900
    assert audit(session, "2026-12")[0].difference == -100, "what Stripe holds, not what we believe"
    assert audit(session, "2026-11") == []
    with pytest.raises(ConfigurationError, match="Invalid month"):
        audit(session, "November")
    session.close()


def test_the_audit_names_what_no_invoice_bills(harness_of: Build) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1)))
    end = renewed(harness, 5)
    until(harness, end + DAY)
    harness.reconcile()
    harness.usage(alerts=True)
    session = harness.session()
    rows = audited(session, "2026-12")
    session.close()
    assert {(r["status"], r["expected"], r["invoiced"]) for r in rows if r["missing"] and r["expected"]} == {
        ("open", 2000, 2000),  # the renewal itself
        ("unbillable", 500, 0),
    }


def test_the_audit_finds_a_charge_in_advance_that_an_invoice_lacks(harness_of: Build) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1)))
    end = renewed(harness, 5)
    harness.usage()
    until(harness, end + 2 * HOUR)
    harness.usage()
    bill = harness.world.stripe["invoices"][cycle(harness)["id"]]
    bill["lines"]["data"] = [li for li in bill["lines"]["data"] if li["amount"] != 2000]
    session = harness.session()
    (row,) = audited(session, "2026-12")
    session.close()
    assert (row["expected"], row["invoiced"], row["difference"]) == (2500, 500, -2000)


def test_what_was_wanted_is_known_of_a_run_that_decided_nothing(harness_of: Build) -> None:
    harness = harness_of(world(flat(20)))
    harness.reconcile()
    for _ in range(3):
        harness.later(HOUR)
        harness.reconcile()
    until(harness, period_end(harness) + 3 * HOUR)
    session = harness.session()
    (row,) = audited(session, "2026-12")
    session.close()
    assert (row["expected"], row["invoiced"], row["difference"]) == (2000, 2000, 0)


@ends("negative_last_to_balance", yes=("paid", -1001, 1999), no=("uncollectible", 0, 3000))
def test_what_a_person_credits_with_a_cancellation_is_in_the_audit_of_the_next_invoice(
    harness_of: Build, small_world: WorldBuilder, end: tuple[str, int, int]
) -> None:
    """C2, SB 2.7: ten of thirty days of 20.00 and 10.00 are -666.67 and -333.33, rounded down -6.67 and -3.34.

    They go to the balance, which the renewal of 30.00 of the customer's other subscription takes, or they are lost.
    """
    small_world.subscription("s-b", "c-1", "pro", units={"seats": 2}, resource={"resourceId": "r-2"})
    harness = harness_of(small_world)
    harness.reconcile()
    renewal = period_end(harness)
    until(harness, renewal - 10 * DAY)
    other = subscription(harness, "s-b")
    harness.stripe().v1.subscriptions.cancel(other["id"], {"invoice_now": True, "prorate": True})
    last = harness.world.stripe["invoices"][other["latest_invoice"]]
    until(harness, renewal + 2 * HOUR)
    harness.reconcile()
    session = harness.session()
    (row,) = [row for row in audited(session, "2026-12") if row["invoice"] == cycle(harness)["id"]]
    session.close()
    assert (last["status"], row["balance"], row["due"]) == end
    assert (last["total"], row["expected"], row["invoiced"], row["difference"]) == (-1001, 3000, 3000, 0)
