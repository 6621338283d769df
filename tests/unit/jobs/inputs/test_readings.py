"""Readings of single objects: a failure stops its subscription, and too many in a row end the run."""

from __future__ import annotations

import pytest

from stripe_sync.core.errors import EntityError, NotAuthorized, Transient, UnknownShape
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.jobs.inputs.readings import SYSTEMATIC, Readings

FAILURES: dict[str, tuple[Exception, str]] = {
    "a 500 that stays": (Transient("Stripe server error (500): get /v1/x."), "Stripe server error (500): get /v1/x."),
    "an answer that is not understood": (UnknownShape("Stripe answered 418."), "Stripe answered 418."),
    "a refusal": (EntityError(ReasonCode.STRIPE_REFUSED, "No such thing."), "No such thing."),
    "a missing field": (KeyError("lines"), "The answer has an unexpected shape (KeyError: 'lines')."),
}


@pytest.mark.parametrize(("failure", "why"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_noted_and_the_others_go_on(failure: Exception, why: str) -> None:
    readings, read = Readings(), list[str]()
    for subscription in ("sub_1", "sub_2", "sub_3"):
        with readings.of(subscription):
            if subscription == "sub_2":
                raise failure
            read.append(subscription)
    assert (read, readings.failures) == (["sub_1", "sub_3"], {"sub_2": why})
    (sentence,) = readings.sentences()
    assert sentence.startswith("The usage of sub_2 could not be billed") and why in sentence


def test_a_key_without_a_right_ends_the_run() -> None:
    readings = Readings()
    with pytest.raises(NotAuthorized), readings.of("sub_1"):
        raise NotAuthorized("The key may not do this.")


def fail(readings: Readings, subscription: str) -> None:
    with readings.of(subscription):
        raise Transient("Stripe does not answer.")


def test_too_many_failures_in_a_row_end_the_run() -> None:
    readings = Readings()
    for number in range(1, SYSTEMATIC):
        fail(readings, f"sub_{number}")
    with pytest.raises(Transient):
        fail(readings, "sub_last")


def test_a_success_shows_that_stripe_answers() -> None:
    readings = Readings()
    for number in range(3 * SYSTEMATIC):
        fail(readings, f"sub_{number}")
        with readings.of(f"good_{number}"):
            pass
    assert len(readings.failures) == 3 * SYSTEMATIC


def test_without_a_limit_each_failure_is_raised() -> None:
    with pytest.raises(KeyError), Readings(most=0).of("sub_1"):
        raise KeyError("lines")
