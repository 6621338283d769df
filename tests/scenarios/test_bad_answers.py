"""No answer ends a command with anything but a sentence, and nothing is lost or made twice by it (issue 23, 2.10; R8, R17, R19, R20)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.core.errors import StripeSyncError
from stripe_sync.jobs.finance.steps import publish as publishing
from stripe_sync.jobs.setup import connect
from tests.support.cases import chosen_cases
from tests.support.endpoints import listed
from tests.support.harness import Harness
from tests.support.metering import MINUTE, cycle, ledger, month_end, until

Build = Callable[[WorldBuilder], Harness]
KINDS: dict[str, dict[str, Any]] = {
    "a page": {"kind": "html"},
    "half of the JSON": {"kind": "half"},
    "an object of a proxy": {"kind": "strange"},
    "a connection that breaks": {"kind": "reset"},
    "a connection that breaks within the answer": {"kind": "truncate"},
    "403": {"kind": "status", "status": 403},
    "503": {"kind": "status", "status": 503, "stored": False},
}

ENDPOINTS = sorted(
    {(line.split(" ")[0], line.split(" ")[1].split("{")[0]) for line in listed()}
)  # method, beginning of the path

# In each pass an endpoint has one kind of answer and its neighbour the next kind; all passes together give each endpoint every kind.
PASSES = chosen_cases(range(len(KINDS)), 2)
PAIRS = [(list(KINDS)[number], list(KINDS)[number - 3]) for number in range(len(KINDS))]


def connecting(harness: Harness) -> None:
    session = harness.session()
    try:
        assert list(connect.lines(session))
    finally:
        session.close()


def reporting(harness: Harness) -> None:
    session = harness.session()
    try:
        publishing.audit_month(session, harness.run(session, month="2026-11"))
    finally:
        session.close()


COMMANDS: dict[str, Callable[[Harness], object]] = {
    "reconcile": lambda harness: harness.reconcile(full=True),
    "connect": connecting,
    "audit": reporting,
    "usage": lambda harness: harness.usage(),
}


def lasting_fault(endpoint: tuple[str, str], number: int) -> Fault:
    """Return the fault that an endpoint has in a pass: its kind of answer, until the fault is taken away."""
    kind = list(KINDS)[(ENDPOINTS.index(endpoint) + number) % len(KINDS)]
    return Fault(*endpoint, times=1000, **KINDS[kind])


def classes(harness: Harness, work: Callable[[Harness], object]) -> list[tuple[str, str]]:
    """The (method, beginning of the path) of the endpoints that a command calls, of those that are listed."""
    harness.world.requests.clear()
    work(harness)
    requested = {(r.method, r.path) for r in harness.world.requests if r.side == "stripe"}
    return sorted(
        {
            max(((m, p) for m, p in ENDPOINTS if m == method and path.startswith(p)), key=len)
            for method, path in requested
        }
    )


@pytest.mark.parametrize("number", PASSES)
def test_no_answer_ends_a_command_with_anything_but_a_sentence(
    harness_of: Build, metered: WorldBuilder, number: int
) -> None:
    """Each endpoint that a command calls answers so until it is fixed; then 1234 calls are billed once, 3.33 USD."""
    harness = harness_of(metered)
    harness.attempts = 1
    month_end(harness)
    problems = []
    for name, work in COMMANDS.items():
        for method, path in USAGE if name == "usage" else classes(harness, work):
            harness.world.faults[:] = [lasting_fault((method, path), number)]
            try:
                work(harness)
            except StripeSyncError as message:
                if "\n" in str(message):
                    problems.append(f"{name} {method} {path}: {message}")
            except AssertionError:
                raise
            except Exception as error:
                problems.append(f"{name} {method} {path}: {type(error).__name__} {error}")
    harness.world.faults.clear()
    assert problems == []
    harness.attempts = 6
    harness.reconcile()
    harness.usage()
    harness.usage()
    until(harness, harness.world.now + 70 * MINUTE)
    harness.usage()
    assert ledger(harness) == {"billed": ("1234", 333)}
    assert cycle(harness)["total"] == 2333


USAGE = (
    ("GET", "/v1/account"),
    ("GET", "/v1/invoices"),
    ("GET", "/v1/invoices/"),
    ("POST", "/v1/invoices/"),
    ("GET", "/v1/invoiceitems"),
    ("POST", "/v1/invoiceitems"),
    ("GET", "/v1/subscriptions"),
    ("GET", "/v1/products/"),
)


@pytest.mark.parametrize("kinds", chosen_cases(PAIRS, 3), ids=" and ".join)
def test_one_bad_answer_to_a_write_leaves_the_others_made(
    harness_of: Build, small_world: WorldBuilder, kinds: tuple[str, str]
) -> None:
    """The first customer's creation is answered so, and then the first subscription's: three of each are made, once."""
    harness = harness_of(small_world)
    harness.reconcile(entities=["product", "price"])
    harness.attempts = 1
    made = []
    for kind, collection in zip(kinds, ("customers", "subscriptions"), strict=True):
        harness.world.faults[:] = [Fault("POST", f"/v1/{collection}", **KINDS[kind])]
        try:
            harness.reconcile()
        except StripeSyncError as message:
            assert "\n" not in str(message)
        assert harness.world.faults == []
        made.append(len(harness.objects(collection)))
    harness.attempts = 6
    harness.reconcile()
    harness.reconcile()
    are_refused = [KINDS[kind]["kind"] in ("status", "reset") for kind in kinds]
    assert made == [2 if is_refused else 3 for is_refused in are_refused], (
        "where only the answer is lost, Stripe has made it"
    )
    assert {harness.status(f"s-{n}") for n in (1, 2, 3)} == {("SUCCESS", "")}
    assert [len(harness.objects(kind)) for kind in ("customers", "subscriptions")] == [3, 3]
