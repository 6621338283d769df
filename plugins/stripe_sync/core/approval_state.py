"""States of an approval. DAG files import this module, so it imports nothing else."""

from __future__ import annotations

from enum import StrEnum


class ApprovalState(StrEnum):
    """State of a question: it waits, was answered, was not answered in time, or its actions were applied."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    APPLIED = "applied"
