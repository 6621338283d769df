"""Records of an answered call: its outcome with the link, and the answer for the next extract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from stripe_sync.apply.declined import Declines
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.declines import Decline
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.plans import failures
from stripe_sync.warehouse.snapshots import stripe_events
from stripe_sync.warehouse.writes import journal, owed
from stripe_sync.warehouse.writes.journal import Intent, Outcome

# Refusals that are not caused by the target itself.
TRANSIENT_REFUSALS = frozenset({ReasonCode.CHANGED_SINCE, ReasonCode.BLOCKED_BY})


@dataclass(frozen=True)
class Recorder:
    """Records the results of calls. ``keep_answers`` are the nouns of objects whose answers are as complete as a read."""

    engine: Engine
    environment: str
    now: datetime
    declines: Declines
    keep_answers: frozenset[str] = frozenset()

    def conclude(self, intent: Intent, outcome: Outcome, decline: Decline | None = None) -> None:
        """Record the outcome and, for a creation, the link, in one transaction."""
        with self.engine.begin() as connection:
            journal.conclude(connection, intent, outcome)
            if decline is not None:
                self.declines.keep(connection, intent.action, decline)
            if outcome.result == "refused" and outcome.reason not in TRANSIENT_REFUSALS:
                failures.refused(
                    connection,
                    self.environment,
                    target=intent.action.target,
                    lane=intent.action.lane,
                    entity=intent.action.entity,
                    reason=outcome.reason,
                    detail=outcome.detail,
                    now=self.now,
                    has_own_time=decline is not None,
                )
            if outcome.result != "done" or not outcome.stripe_id:
                return
            failures.succeeded(connection, self.environment, intent.action.target)
            self.declines.made(connection, intent.action)
            owed.keep_left(connection, self.environment, intent, outcome.stripe_id)
            if intent.action.kind == ActionKind.COUPON_DELETE:
                links.end(connection, self.environment, intent.action.target, by="the pipeline: deleted in Stripe")
            elif intent.action.kind.is_creation:
                links.add(connection, self.environment, intent.action.target, outcome.stripe_id, source="created")

    def keep(self, action: Action, noun: str, *, answer: Mapping[str, Any], invoice: Mapping[str, Any] | None) -> None:
        """Store an answer with the complete object, so that the next extract need not read it, and an unpaid invoice."""
        is_complete = not (answer.get("items") or {}).get("has_more")
        if noun in self.keep_answers and is_complete:
            with self.engine.begin() as connection:
                stripe_events.answered(connection, self.environment, noun, answer)
                if invoice is not None:
                    stripe_events.answered(connection, self.environment, "invoice", invoice)
                if action.kind == ActionKind.SUBSCRIPTION_CREATE and "customer" in self.keep_answers:
                    stripe_events.billed_in(connection, self.environment, answer["customer"], answer["currency"])
