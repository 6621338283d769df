"""The decision on each action: a permit names the hash of an action, and so its whole content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.plan.guards import Decision, GuardResult


@dataclass(frozen=True)
class Permits:
    """Decisions by the hash of an action; one without a decision waits."""

    decisions: Mapping[str, Decision]

    @classmethod
    def of_groups(cls, guarded: Iterable[GuardResult]) -> Self:
        """Return the permits of guard results."""
        return cls({hash: group.decision for group in guarded for hash in group.actions})

    @classmethod
    def for_all(cls, actions: Iterable[Action]) -> Self:
        """Return permits for all actions of a direct write."""
        return cls({action.hash: Decision.APPLY for action in actions})

    def of(self, action: Action) -> Decision:
        """Return the decision on an action."""
        return self.decisions.get(action.hash, Decision.WAIT)
