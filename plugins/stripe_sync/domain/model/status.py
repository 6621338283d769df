"""The status of every entity, in Stigg's own words, with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stripe_sync.core.reasons import ReasonCode


class Status(StrEnum):
    """Sync status of an entity as the Stigg app shows it: pending, successful, failed, will not be synced."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    ERROR = "ERROR"
    NO_SYNC_REQUIRED = "NO_SYNC_REQUIRED"


@dataclass(frozen=True)
class EntityStatus:
    """One entity's status; ``kind`` and ``id`` are Stigg's, ``stripe_id`` is what Stigg calls the billing id."""

    kind: str
    id: str
    status: Status
    reason: ReasonCode = ReasonCode.NONE
    detail: str = ""
    stripe_id: str | None = None
