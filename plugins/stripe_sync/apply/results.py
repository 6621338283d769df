"""Result of one action."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

from msgspec import structs

from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.unowed_invoices import SoldAfter
from stripe_sync.domain.plan.actions import Action
from stripe_sync.warehouse.writes.journal import Intent

ActionResult = Literal["done", "refused", "dropped", "blocked", "waiting", "paused", "unknown"]


@dataclass(frozen=True)
class Step:
    """The result of one action, with its reason and a message."""

    action: Action
    result: ActionResult
    reason: ReasonCode = ReasonCode.NONE
    detail: str = ""
    stripe_id: str | None = None
    unverified: tuple[str, ...] = ()


@dataclass(frozen=True)
class FollowUp:
    """The result of the follow-up of a call: messages for a person, and renewals that came after the facts were noted."""

    messages: tuple[str, ...] = ()
    sold_after: tuple[SoldAfter, ...] = ()

    def noted_in(self, intent: Intent) -> Intent:
        """Return the intent with these renewals among the noted facts of its action."""
        if not self.sold_after:
            return intent
        noted = intent.action.noted
        rows = [*noted.get("sold_after", ()), *map(asdict, self.sold_after)]
        return replace(intent, action=structs.replace(intent.action, noted=noted | {"sold_after": rows}))
