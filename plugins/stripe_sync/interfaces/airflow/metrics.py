"""What Airflow's metrics carry of us: figures of an environment, and when each of its jobs ended well for the last time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow.sdk.observability import stats

if TYPE_CHECKING:
    from stripe_sync.jobs.runtime.context import Run, Session

# The last station of each job: when it ends well, the job did.
JOBS = {"verdict": "reconcile", "usage_verdict": "usage", "publish": "report"}


def requests(session: Session) -> None:
    """Sends what a task has asked of Stripe: requests, seconds waited and answers that said to slow down, by endpoint."""
    tally, prefix = session.tally, f"stripe_sync.{session.environment.name}.stripe"
    for endpoint, count in tally.requests.items():
        name = re.sub(r"[^a-z0-9_]+", "_", endpoint.lower()).strip("_")
        stats.incr(f"{prefix}.requests.{name}", count)
        stats.timing(f"{prefix}.waited.{name}", tally.waited[endpoint] * 1000)
        if tally.limited[endpoint]:
            stats.incr(f"{prefix}.limited.{name}", tally.limited[endpoint])


def measured(session: Session, run: Run, station: str) -> None:
    """Sends the figures of the environment after the last station of a job; nothing after others."""
    if station not in JOBS:
        return
    from stripe_sync.core.clock import SystemClock, epoch
    from stripe_sync.jobs.finance.metrics import figures

    prefix = f"stripe_sync.{session.environment.name}"
    for name, value in figures(session, run).items():
        stats.gauge(f"{prefix}.{name}", value)
    stats.gauge(f"{prefix}.last_success.{JOBS[station]}", epoch(SystemClock().now()))
