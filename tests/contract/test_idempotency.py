"""The sandbox keeps answers for idempotency keys as Stripe does (SB 7.1-7.5)."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from tests.contract.test_stripe_shapes import call
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
DAY = 24 * 3600
KEY = {"Idempotency-Key": "key-1"}


def make(harness: Harness, text: str = "name=A") -> httpx.Response:
    return call(harness, "POST", "/v1/customers", text, **KEY)


def outcome(answer: httpx.Response) -> tuple[int, str | None, str | None]:
    """(status, error code, whether it is a replay) of an answer."""
    error: dict[str, Any] = answer.json().get("error") or {}
    return answer.status_code, error.get("code"), answer.headers.get("idempotent-replayed")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_500_is_kept_once_execution_began(harness_of: Build, small_world: WorldBuilder, when: str) -> None:
    """SB 7.1: whether the object was made or not, the key answers 500 from now on."""
    harness = harness_of(small_world)
    harness.world.faults.append(Fault("POST", "/v1/customers", status=500, when=when))
    assert outcome(make(harness)) == (500, None, None)
    assert outcome(make(harness)) == (500, None, "true")
    assert len(harness.objects("customers")) == (when == "after")
    assert call(harness, "POST", "/v1/customers", "name=A", **{"Idempotency-Key": "key-2"}).status_code == 200


@pytest.mark.parametrize("status", [409, 429, 401, 403, 503])
def test_what_is_refused_before_execution_is_not_kept(
    harness_of: Build, small_world: WorldBuilder, status: int
) -> None:
    """SB 7.1: a 503 of something in front of Stripe is none of its answers either."""
    harness = harness_of(small_world)
    harness.world.faults.append(Fault("POST", "/v1/customers", status=status, stored=False))
    assert outcome(make(harness))[0] == status
    assert outcome(make(harness)) == (200, None, None)


def test_a_validation_error_is_not_kept(harness_of: Build, small_world: WorldBuilder) -> None:
    """SB 7.1: the same key may be used again, with the parameters put right."""
    harness = harness_of(small_world)
    assert make(harness, "nmae=A").status_code == 400
    assert outcome(make(harness, "name=A")) == (200, None, None)


@pytest.mark.parametrize("replays", [True, False])
def test_a_refusal_that_execution_met_is_kept_or_not(
    harness_of: Build, small_world: WorldBuilder, replays: bool
) -> None:
    """The switch refusals_replay: the product is made meanwhile, and the key knows it or does not."""
    harness = harness_of(small_world)
    harness.world.unknowns["refusals_replay"] = replays
    text = "currency=usd&unit_amount=100&product=later"

    def price() -> httpx.Response:
        return call(harness, "POST", "/v1/prices", text, **KEY)

    assert outcome(price()) == (400, "resource_missing", None)
    assert call(harness, "POST", "/v1/products", "id=later&name=Later").status_code == 200
    assert outcome(price()) == ((400, "resource_missing", "true") if replays else (200, None, None))


def test_a_replay_is_as_of_the_creation(harness_of: Build, small_world: WorldBuilder) -> None:
    """SB 7.4."""
    harness = harness_of(small_world)
    id = make(harness).json()["id"]
    call(harness, "POST", f"/v1/customers/{id}", "name=B")
    assert make(harness).json()["name"] == "A"
    assert call(harness, "GET", f"/v1/customers/{id}").json()["name"] == "B"


def test_other_parameters_are_refused_with_stripes_sentence(harness_of: Build, small_world: WorldBuilder) -> None:
    """SB 7.2: type idempotency_error, neither code nor param."""
    harness = harness_of(small_world)
    make(harness)
    error = make(harness, "name=B").json()["error"]
    error.pop("request_log_url", None)
    assert error == {
        "type": "idempotency_error",
        "message": "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        "Try using a key other than 'key-1' if you meant to execute a different request.",
    }


@pytest.mark.parametrize("forgotten", [True, False])
def test_a_key_is_forgotten_after_a_day_or_stays(harness_of: Build, small_world: WorldBuilder, forgotten: bool) -> None:
    """SB 7.1, "at least 24 hours": after that nothing protects from a second customer, where keys are removed."""
    harness = harness_of(small_world)
    harness.world.unknowns["idempotency_keys_forgotten"] = forgotten
    first = make(harness).json()["id"]
    harness.later(DAY - 1)
    assert make(harness).json()["id"] == first
    harness.later(1)
    make(harness)
    assert len(harness.objects("customers")) == (2 if forgotten else 1)


def both(harness: Harness, *paths: tuple[str, str]) -> list[httpx.Response]:
    """Ask at once: the first is under way for a while."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(call, harness, method, path, "name=A", **KEY) for method, path in paths]
        return [one.result() for one in futures]


@pytest.mark.parametrize("type", ["invalid_request_error", "idempotency_error"])
def test_a_key_in_use_is_a_409_of_either_type(harness_of: Build, small_world: WorldBuilder, type: str) -> None:
    """SB 7.3, C4: nothing is kept for the second, and the first is carried out."""
    harness = harness_of(small_world)
    harness.world.unknowns["in_flight_is_idempotency_error"] = type == "idempotency_error"
    harness.world.faults.append(Fault("POST", "/v1/customers", kind="delay", seconds=0.7))
    answers = both(harness, ("POST", "/v1/customers"), ("POST", "/v1/customers"))
    assert sorted(a.status_code for a in answers) == [200, 409]
    error = next(a.json()["error"] for a in answers if a.status_code == 409)
    assert (error["type"], error["code"]) == (type, "idempotency_key_in_use")
    assert outcome(make(harness)) == (200, None, "true")
    assert len(harness.objects("customers")) == 1


def test_an_object_that_is_written_is_locked_for_reads_and_writes(harness_of: Build, small_world: WorldBuilder) -> None:
    """SB 7.5: 429 lock_timeout, invalid_request_error, without the reason header; reads meet it as well."""
    harness = harness_of(small_world)
    path = f"/v1/customers/{call(harness, 'POST', '/v1/customers', 'name=A').json()['id']}"
    harness.world.faults.append(Fault("POST", path, kind="delay", seconds=0.7))
    with ThreadPoolExecutor(max_workers=1) as pool:
        slow = pool.submit(call, harness, "POST", path, "name=B")
        while harness.world.faults:
            pass
        for method in ("GET", "POST"):
            refused = call(harness, method, path, "")
            assert outcome(refused)[:2] == (429, "lock_timeout")
            assert refused.json()["error"]["type"] == "invalid_request_error"
            assert "stripe-rate-limited-reason" not in refused.headers
        assert slow.result().json()["name"] == "B"
    assert json.loads(call(harness, "GET", path).text)["name"] == "B"
