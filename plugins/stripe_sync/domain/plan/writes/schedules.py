"""The schedule of a subscription in Stripe, which is released before a write."""

from __future__ import annotations

from collections.abc import Iterator

from stripe_sync.core.lanes import Lane
from stripe_sync.domain.drift.difference import Changed
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.writes.context import Draft


def release_schedule(draft: Draft, d: Changed) -> Iterator[Action]:
    """Yield the release of a schedule, which would undo the write. It needs the approval of a person."""
    schedule = d.actual.facts.get("schedule")
    if schedule:
        yield draft.action(
            d,
            ActionKind.SCHEDULE_RELEASE,
            Lane.SUBSCRIPTIONS,
            {"schedule": None},
            before={"schedule": schedule},
            cause="scheduled",
            verb="Release the schedule of",
        )
