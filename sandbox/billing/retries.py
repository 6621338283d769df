"""Schedule of retries of a failed payment."""

from __future__ import annotations

from sandbox.world.state import DAY, Obj, World


def next_retry(world: World, noted: Obj) -> int | None:
    """Return the time of the next attempt in Unix seconds, None after the last; the days count from the first failure."""
    days = world.billing["retry_days"]
    done = noted["failures"] - 1
    return noted["began"] + int(days[done] * DAY) if done < len(days) else None
