"""The interval after which a side is read as a whole."""

from __future__ import annotations

from datetime import datetime, timedelta

from stripe_sync.jobs.runtime.context import Run


def overdue(run: Run, audited_at: datetime, *, hours: int) -> str:
    """Return that a side was read whole so many hours ago, or an empty text."""
    if run.now - audited_at >= timedelta(hours=hours):
        return f"{hours} hours have passed since the last time (full_sync_interval_hours)"
    return ""
