"""Tasks of the DAGs connect and disconnect."""

from __future__ import annotations

import structlog
from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from stripe_sync.interfaces.airflow.steps import open_task_session

log = structlog.get_logger(__name__)


def check_environment(environment: str) -> list[str]:
    """Return the results of ``connect``, one line per check. Raises AirflowFailException where a check failed."""
    from stripe_sync.jobs.runtime.preflight import CheckState
    from stripe_sync.jobs.setup.connect import lines

    with open_task_session(environment) as session:
        found = list(lines(session))
    for line in found:
        log.info("%-8s %s: %s", line.state, line.name, line.text)
    failures = [f"{line.name}: {line.text}" for line in found if line.state == CheckState.FAILURE]
    if failures:
        raise AirflowFailException(f"{len(failures)} checks of {environment} failed. {' '.join(failures)}")
    return [f"{line.state} {line.name}" for line in found]


def disconnect_environment(environment: str) -> list[str]:
    """Return the effects of disconnecting; disconnect if the run's parameter ``confirm`` is the environment's name."""
    from stripe_sync.jobs.runtime.context import start_run
    from stripe_sync.jobs.runtime.manual_actions import Operator
    from stripe_sync.jobs.setup import disconnect

    context = get_current_context()
    params = context["params"]
    with open_task_session(environment) as session:
        if not params["confirm"]:
            messages = disconnect.look(session, strip=params["strip"])
        else:
            run = start_run(session, context["run_id"], dict(params))
            operator = Operator(str(context["dag_run"].triggering_user_name or "Airflow"), params["reason"])
            messages = disconnect.disconnect(session, run, operator, confirm=params["confirm"], strip=params["strip"])
    for message in messages:
        log.info(message)
    return messages
