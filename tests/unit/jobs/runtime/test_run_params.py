"""Parameters of runs: the JSON that the warehouse keeps of a run, as types."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from stripe_sync.core.decoding import typed
from stripe_sync.core.lanes import Lane, Mode
from stripe_sync.core.settings import Environment
from stripe_sync.jobs.runtime.context import Run
from stripe_sync.jobs.runtime.run_params import NO_PARAMS, RunParams

NOW = datetime(2026, 11, 16, tzinfo=UTC)


def params(**given: Any) -> RunParams:
    return typed(given, RunParams)


def test_a_run_without_parameters_chooses_nothing() -> None:
    assert params() == NO_PARAMS
    assert not NO_PARAMS.is_chosen


@pytest.mark.parametrize(
    "given", [{"entities": ["product"]}, {"customers": ["c-1"]}, {"entity": ["subscription", "s-1"]}]
)
def test_a_kind_a_customer_or_an_entity_is_a_choice(given: dict[str, Any]) -> None:
    assert params(**given).is_chosen


def test_names_of_other_jobs_are_passed_over() -> None:
    assert params(confirm="production", reason="closed", full=True) == RunParams(full=True)


@pytest.mark.parametrize("given", [{"entities": "product"}, {"full": "yes"}, {"action": "delete"}, {"entity": ["x"]}])
def test_a_parameter_of_a_wrong_type_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        params(**given)


def test_a_checkout_request_keeps_its_fields() -> None:
    request = {"customer": "c-1", "quantities": {"seats": 3}, "trial_days": None, "addons": {}}
    assert params(request=request).request == request


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Mode.ENFORCE),
        ({"mode": "as configured"}, Mode.ENFORCE),
        ({"mode": "propose"}, Mode.PROPOSE),
        ({"mode": "observe"}, Mode.OBSERVE),
        ({"mode": "enforce"}, Mode.ENFORCE),
        ({"action": "plan"}, Mode.OBSERVE),
        ({"action": "repair"}, Mode.ENFORCE),
    ],
)
def test_the_mode_of_a_run_limits_that_of_each_lane(given: dict[str, Any], expected: Mode) -> None:
    environment = Environment(stripe_account="acct_1", modes={Lane.CATALOG: Mode.ENFORCE})
    run = Run("r-1", NOW, params(**given))
    assert run.narrowed(environment).mode(Lane.CATALOG) == expected
    assert run.narrowed(environment).mode(Lane.USAGE) == Mode.OBSERVE
