"""The heartbeat of a lease: after a database error it is extended again until it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from stripe_sync.core.lanes import Lane
from stripe_sync.warehouse.writes import leases
from stripe_sync.warehouse.writes.leases import Lease, kept

LEASE = Lease("test", Lane.SUBSCRIPTIONS, "run", 1)
ENGINE: Any = None


def extensions(monkeypatch: pytest.MonkeyPatch, answer: Callable[[int], bool]) -> list[int]:
    """Let the seconds of each extension be kept and answered by its number; a beat is 0.15 s of a lease of 0.6 s."""
    given: list[int] = []

    def extend(engine: object, lease: Lease, seconds: int) -> bool:
        given.append(seconds)
        return answer(len(given))

    monkeypatch.setattr(leases, "SECONDS", 0.6)
    monkeypatch.setattr(leases, "HEARTBEAT", 0.15)
    monkeypatch.setattr(leases, "extend", extend)
    return given


def broken(number: int) -> bool:
    raise OperationalError("update", {}, Exception("the connection is closed"))


def test_one_database_error_does_not_end_the_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    given = extensions(monkeypatch, lambda number: broken(number) if number == 1 else True)
    with kept(ENGINE, LEASE):
        time.sleep(0.5)
    assert len(given) >= 4
    assert given[-1] == 0, "given back"


def test_a_lease_that_has_ended_is_extended_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    given = extensions(monkeypatch, lambda number: True if len(given) > 200 or given[-1] == 0 else broken(number))
    with kept(ENGINE, LEASE):
        time.sleep(0.8)
        tried = len(given)
        time.sleep(0.4)
        assert len(given) == tried > 4


def test_a_lease_that_another_run_took_over_is_extended_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    given = extensions(monkeypatch, lambda number: False)
    with kept(ENGINE, LEASE):
        time.sleep(0.5)
    assert len(given) == 2
