"""Context of the builders of actions: the differences, and the construction of an action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from stripe_sync.core.lanes import Lane
from stripe_sync.core.money import shown_all
from stripe_sync.domain.drift.amounts import PriceBook
from stripe_sync.domain.drift.difference import Changed, Difference
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.plan.actions import Action, ActionKind

# Fields that adoption alone explains: the native integration wrote no ownership marker, and other texts.
ADOPTED = frozenset({"metadata", "description"})


@dataclass(frozen=True)
class Policy:
    """Settings and facts for changes of subscriptions. ``now`` is Unix seconds.

    ``proven`` are the ids of ended usage items in Stripe whose usage is completely on invoices;
    ``settled`` are those whose closed periods are on finalized invoices. ``own_stops`` are the ids of the
    drafts that the pipeline stopped and has not switched on again.
    """

    upgrade_proration: str
    downgrade_proration: str
    now: int
    proven: frozenset[str] = frozenset()
    settled: frozenset[str] = frozenset()
    own_stops: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Unplanned:
    """Why a difference (``key`` is its link key), or a part of it, gives no action."""

    key: str
    why: str


Outcome = Action | Unplanned  # one of a difference's: an action, or why there is none


@dataclass(frozen=True)
class Draft:
    """Input of the builders: the differences, their amounts, and the objects that exist in Stripe."""

    differences: Mapping[str, Difference]
    drift: Mapping[str, list[str]]
    book: PriceBook
    known: frozenset[str]
    policy: Policy

    def action(
        self,
        d: Difference,
        kind: ActionKind,
        lane: Lane,
        after: Document,
        *,
        cause: str,
        verb: str,
        before: Document | None = None,
        target: str | None = None,
        serial: str | None = None,
        due_now: Mapping[str, Decimal] | None = None,
        per_month: Mapping[str, Decimal] | None = None,
        paid_by: str = "",
    ) -> Action:
        """An action of a difference, with its sentence and the drift rows that caused it."""
        about = target or d.key
        amount = f", {shown_all(per_month)} a month" if per_month and any(per_month.values()) else ""
        return Action(
            kind=kind,
            lane=lane,
            target=about,
            entity=d.entity,
            before=before,
            after=after,
            cause=cause,
            serial=serial or serial_of(d, about),
            drift=self.drift.get(d.key, []),
            sentence=f"{verb} {kind.noun} {about.partition(':')[2]}{amount}",
            due_now=dict(due_now or {}),
            per_month=dict(per_month or {}),
            paid_by=paid_by,
        )


def serial_of(d: Difference, about: str) -> str:
    """Writes to one customer are made one after the other, whatever they are about."""
    for side in d.documents:
        if "customer" in side.document:
            return str(side.document["customer"])
    return about


def cause_of(d: Changed, changed: list[str]) -> str:
    """Return the cause of a write: only the ownership marker, adoption, or a change."""
    adopted = not d.actual.facts.get("marked", True)
    if adopted and set(changed) <= ADOPTED:
        return "adoption"
    return "metadata" if changed == ["metadata"] else "changed"
