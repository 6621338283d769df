"""The table of handlers: each kind of action has one, and no other is in it."""

from __future__ import annotations

from stripe_sync.apply.resources.table import HANDLERS
from stripe_sync.domain.plan.actions import ActionKind


def test_each_kind_of_action_has_a_handler() -> None:
    assert set(HANDLERS) == set(ActionKind)
