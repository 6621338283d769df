"""Stories share check results (tests/support/shared_checks.py): a shared one equals that of Great Expectations, and no failure is shared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder
from tests.support import shared_checks
from tests.support.harness import Harness, build_small_world

pytestmark = pytest.mark.always_validated


def test_shared_results_are_those_of_great_expectations(harness_of: Callable[[WorldBuilder], Harness]) -> None:
    first, second, third = build_small_world(), build_small_world(), build_small_world()
    third.stigg["customers"][0]["email"] = "not an address"
    with shared_checks.shared(proved=True) as names:
        harness_of(first).reconcile()
        names.clear()
        harness_of(second).reconcile()
        assert {"counts", "snapshots", "stigg_customers", "stigg_subscriptions", "plan_actions"} == set(names)
        names.clear()
        bad = harness_of(third)
        bad.reconcile()
        assert "stigg_customers" not in names
    assert bad.status("c-1") == ("ERROR", "QUARANTINED")
