"""What becomes of one action of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.actions import Action

Result = Literal["done", "refused", "dropped", "blocked", "waiting", "paused", "unknown"]


@dataclass(frozen=True)
class Step:
    """What became of one action."""

    action: Action
    result: Result
    reason: ReasonCode = ReasonCode.NONE
    detail: str = ""
    stripe_id: str | None = None
    unverified: tuple[str, ...] = ()
