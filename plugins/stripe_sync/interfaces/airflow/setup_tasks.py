"""Tasks of the DAGs connect and disconnect."""

from __future__ import annotations

import structlog
from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from stripe_sync.interfaces.airflow.steps import opened

log = structlog.get_logger(__name__)


def checked(environment: str) -> list[str]:
    """Return the lines of ``connect``. Raises AirflowFailException where one is a failure."""
    from stripe_sync.jobs.runtime.preflight import CheckState
    from stripe_sync.jobs.setup.connect import lines

    with opened(environment) as session:
        found = list(lines(session))
    for line in found:
        log.info("%-8s %s: %s", line.state, line.name, line.text)
    failures = [f"{line.name}: {line.text}" for line in found if line.state == CheckState.FAILURE]
    if failures:
        raise AirflowFailException(f"{len(failures)} checks of {environment} failed. {' '.join(failures)}")
    return [f"{line.state} {line.name}" for line in found]


def disconnected(environment: str) -> list[str]:
    """Return what disconnecting would do, or did where the run's parameter ``confirm`` is the environment's name."""
    from stripe_sync.jobs.runtime.context import start_run
    from stripe_sync.jobs.runtime.manual_actions import Hand
    from stripe_sync.jobs.setup import disconnect

    context = get_current_context()
    params = context["params"]
    with opened(environment) as session:
        if not params["confirm"]:
            said = disconnect.look(session, strip=params["strip"])
        else:
            run = start_run(session, context["run_id"], dict(params))
            by = Hand(str(context["dag_run"].triggering_user_name or "Airflow"), params["reason"])
            said = disconnect.disconnect(session, run, by, confirm=params["confirm"], strip=params["strip"])
    for sentence in said:
        log.info(sentence)
    return said
