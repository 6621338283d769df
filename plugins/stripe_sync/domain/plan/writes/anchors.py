"""Notes of the anchor from which a subscription's periods count (``stiggAnchor``): when one is made, and what a moved one says.

Taking an end away may move the anchor (SB 21.1), so it is noted while an end stands. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from stripe_sync.core.lanes import Lane
from stripe_sync.domain.drift.difference import Changed
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.writes.context import Draft


def has_shifted_renewals(d: Changed) -> bool:
    """Return whether the renewals differ from the noted anchor, which requires a manual decision."""
    return "renewal" in d.fields and d.actual.document.get("renewal") is not None


def is_anchor_noted(d: Changed) -> bool:
    """Return whether the anchor is noted with an end: where an end is set again, or none is noted yet.

    One whose renewals moved keeps its note, and so its difference, until a person has decided.
    """
    facts = d.actual.facts
    is_due = not facts.get("has_noted_anchor") or d.actual.document.get("cancel_at") is None
    return facts.get("anchor") is not None and is_due and not has_shifted_renewals(d)


def note_anchor(draft: Draft, d: Changed) -> Iterator[Action]:
    """Note the anchor of a subscription whose end stands without one: its periods began again after the end was set."""
    if "renewal" not in d.fields or has_shifted_renewals(d) or "cancel_at" in d.fields:
        return
    yield draft.action(
        d,
        ActionKind.SUBSCRIPTION_UPDATE,
        Lane.SUBSCRIPTIONS,
        {"anchor": str(d.actual.facts["anchor"])},
        before={"cancel_at": d.actual.document["cancel_at"]},
        cause="anchor",
        verb="Note the anchor of",
    )
