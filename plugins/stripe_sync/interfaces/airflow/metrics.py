"""Metrics sent through Airflow: requests of a task, figures of an environment, and the last success of each job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow.sdk.observability import stats

from stripe_sync.jobs.finance.job import REPORT
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.usage.job import USAGE

if TYPE_CHECKING:
    from stripe_sync.jobs.runtime.context import Run, Session

# Jobs by the name of their last step, whose success is the success of the job.
JOBS = {job.last.name: job.name for job in (RECONCILE, USAGE, REPORT)}


def send_requests(session: Session) -> None:
    """Send the figures of a task's requests to Stripe by endpoint: requests, waiting time in ms, rate-limited answers."""
    tally, prefix = session.tally, f"stripe_sync.{session.environment.name}.stripe"
    for endpoint, count in tally.requests.items():
        name = re.sub(r"[^a-z0-9_]+", "_", endpoint.lower()).strip("_")
        stats.incr(f"{prefix}.requests.{name}", count)
        stats.timing(f"{prefix}.waited.{name}", tally.waited[endpoint] * 1000)
        if tally.limited[endpoint]:
            stats.incr(f"{prefix}.limited.{name}", tally.limited[endpoint])


def send_figures(session: Session, run: Run, step: str) -> None:
    """Send the figures of the environment if ``step`` is the last step of a job."""
    if step not in JOBS:
        return
    from stripe_sync.core.clock import SystemClock, epoch
    from stripe_sync.jobs.finance.metrics import figures

    prefix = f"stripe_sync.{session.environment.name}"
    for name, value in figures(session, run).items():
        stats.gauge(f"{prefix}.{name}", value)
    stats.gauge(f"{prefix}.last_success.{JOBS[step]}", epoch(SystemClock().now()))
