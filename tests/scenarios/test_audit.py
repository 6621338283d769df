"""The audit of a closed month: what each invoice should bill, in advance and for use, and what is on none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from stripe_sync.errors import ConfigurationError
from stripe_sync.pipeline.usage_audit import audit
from tests.house import House
from tests.metering import DAY, HOUR, cycle, period_end, until
from tests.scenarios.test_usage_rules import MINIMUM, renewed, world

Build = Callable[[WorldBuilder], House]


def test_the_audit_of_a_month_compares_every_invoice_and_finds_what_is_missing(house_of: Build) -> None:
    house = house_of(world(MINIMUM, usage("calls", 1)))
    end = renewed(house, 130)
    house.usage()
    until(house, end + 2 * HOUR)
    house.usage()
    session = house.session()
    (row,) = audit(session, "2026-12")
    assert (row["expected"], row["invoiced"], row["difference"], row["missing"]) == (13_000, 13_000, 0, 0), (
        "100 in advance, and 30 more than that covers"
    )
    (line, *_) = [li for li in cycle(house)["lines"]["data"] if li["amount"] == 3000]
    line["amount"] = 2900
    assert audit(session, "2026-12")[0]["difference"] == -100, "what Stripe holds, not what we believe"
    assert audit(session, "2026-11") == []
    with pytest.raises(ConfigurationError, match="no month"):
        audit(session, "November")
    session.close()


def test_the_audit_names_what_no_invoice_bills(house_of: Build) -> None:
    house = house_of(world(flat(20), usage("calls", 1)))
    end = renewed(house, 5)
    until(house, end + DAY)
    house.reconcile()
    house.usage(wakes=True)
    session = house.session()
    rows = audit(session, "2026-12")
    session.close()
    assert {(r["status"], r["expected"], r["invoiced"]) for r in rows if r["missing"] and r["expected"]} == {
        ("open", 2000, 2000),  # the renewal itself
        ("unbillable", 500, 0),
    }


def test_the_audit_finds_a_charge_in_advance_that_an_invoice_lacks(house_of: Build) -> None:
    house = house_of(world(flat(20), usage("calls", 1)))
    end = renewed(house, 5)
    house.usage()
    until(house, end + 2 * HOUR)
    house.usage()
    bill = house.world.stripe["invoices"][cycle(house)["id"]]
    bill["lines"]["data"] = [li for li in bill["lines"]["data"] if li["amount"] != 2000]
    session = house.session()
    (row,) = audit(session, "2026-12")
    session.close()
    assert (row["expected"], row["invoiced"], row["difference"]) == (2500, 500, -2000)


def test_what_was_wanted_is_known_of_a_run_that_decided_nothing(house_of: Build) -> None:
    house = house_of(world(flat(20)))
    house.reconcile()
    for _ in range(3):
        house.later(HOUR)
        house.reconcile()
    until(house, period_end(house) + 3 * HOUR)
    session = house.session()
    (row,) = audit(session, "2026-12")
    session.close()
    assert (row["expected"], row["invoiced"], row["difference"]) == (2000, 2000, 0)
