"""Intents under a lease: an intent of an earlier run is sent again only while the lease is current."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stripe_sync.apply.executor import Executor
from stripe_sync.apply.permits import Permits
from stripe_sync.core.errors import NotReady
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.warehouse.plans import declines
from stripe_sync.warehouse.writes import journal, leases
from stripe_sync.warehouse.writes.journal import Intent
from stripe_sync.warehouse.writes.leases import Lease

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ACTION = Action(kind=ActionKind.COUPON_DELETE, lane=Lane.CATALOG, target="coupon:eu:a", after={})
LEASE = Lease("eu", Lane.CATALOG, "run", 1)
OLD = Intent(1, "w", ACTION, NOW, timedelta(hours=1))
NEW = Intent(2, "w", ACTION, NOW, timedelta(0))


class _Api:
    def in_lane(self, lane: str) -> _Api:
        return self


def executor(monkeypatch: pytest.MonkeyPatch, *, is_current: bool) -> Executor:
    """An executor with one intent to send again; a new one is committed as ``NEW``."""
    monkeypatch.setattr(leases, "is_current", lambda engine, lease: is_current)
    monkeypatch.setattr(journal, "intend", lambda *given, epoch: NEW if is_current else None)
    monkeypatch.setattr(declines, "all_of", lambda *given: {})
    nothing: Any = None
    api: Any = _Api()
    return Executor(
        nothing, api, nothing, "eu", "run", [ACTION], Permits({}), NOW, reused={ACTION.hash: OLD}, lease=LEASE
    )


def test_an_intent_of_an_earlier_run_is_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = executor(monkeypatch, is_current=True)
    assert [found.intended(ACTION, LEASE) for _ in "12"] == [OLD, NEW]


def test_an_intent_of_an_earlier_run_is_not_sent_after_the_lease_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotReady, match="ended or was taken over"):
        executor(monkeypatch, is_current=False).intended(ACTION, LEASE)
