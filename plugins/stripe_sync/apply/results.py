"""Result of one action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.actions import Action

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
