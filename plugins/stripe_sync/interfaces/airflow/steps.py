"""The work of a task: it performs one step of a job and maps errors to Airflow's failures, retries and skips.

Heavy modules are imported when a task runs, never when a DAG file is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from structlog.contextvars import bound_contextvars

from stripe_sync.core.approval_state import ApprovalState
from stripe_sync.core.errors import FatalError, Incomplete, NotReady
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import asset
from stripe_sync.interfaces.airflow.metrics import send_figures, send_requests
from stripe_sync.jobs.runtime.step_list import Step, Trigger

if TYPE_CHECKING:
    from stripe_sync.jobs.runtime.context import Session

log = structlog.get_logger(__name__)


def for_xcom(row: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers, texts and flat dicts of a result, which may go into XCom. Lists stay in the warehouse."""

    def small(value: Any) -> bool:
        return value is None or isinstance(value, int | str | float)

    kept = {name: value for name, value in row.items() if small(value)}
    counts = {name: value for name, value in row.items() if isinstance(value, dict) and all(map(small, value.values()))}
    return kept | counts


@contextmanager
def open_task_session(environment: str) -> Iterator[Session]:
    """Open the session of an environment inside a task, and map errors to Airflow's.

    A fatal error fails the task at once. A task that waits for another run or for a person is skipped. Any other error is
    retried as the task's retries say. Each line of the task's log has the environment and the run.
    """
    from stripe_sync.interfaces.airflow.hooks import connection_of
    from stripe_sync.jobs.runtime.context import open_session

    try:
        with bound_contextvars(environment=environment, run=get_current_context()["run_id"]):
            session = open_session(environment, connection_of=connection_of, progress=log.info)
            try:
                yield session
            finally:
                send_requests(session)
                session.close()
    except NotReady as waiting:
        if get_current_context()["params"].get("approval"):
            raise  # the approved set waits for its lane; the task is retried
        raise AirflowSkipException(str(waiting)) from None
    except Incomplete:
        raise  # the next attempt extracts again
    except FatalError as stopped:
        raise AirflowFailException(str(stopped)) from None


def perform(environment: str, step: Step, *, nest: str = "", **arguments: Any) -> dict[str, Any]:
    """Perform a step for the current DAG run and return its ids and counts for XCom.

    The event of the step's asset gets them too. With ``nest``, the run's parameters become one parameter of that name.

    Raises:
        AirflowSkipException: a last step of a run whose approval was rejected or has expired; nothing was written.
    """
    from stripe_sync.jobs.runtime.context import start_run
    from stripe_sync.jobs.runtime.runner import run_step
    from stripe_sync.warehouse.step_results import row_of

    context = get_current_context()
    with open_task_session(environment) as session:
        params = dict(context["params"])
        if step.trigger is Trigger.ALL_DONE and params.get("approval"):
            skip_if_refused(session, params["approval"])
        run = start_run(session, context["run_id"], {nest: params} if nest else params)
        result = for_xcom(row_of(run_step(session, run, step, **arguments)))
        send_figures(session, run, step.name)
    if step.asset:
        context["outlet_events"][asset(environment, step.asset)].extra = {"run": context["run_id"], **result}
    return result


def folder(environment: str, settings: Environment) -> Any:
    """Return the folder of an environment's report below ``report.path``, or None for the worker's local folder."""
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(settings.report.path) / environment if settings.report.path else None


def skip_if_refused(session: Session, hash: str) -> None:
    """Raise AirflowSkipException where the approval was rejected or has expired."""
    from stripe_sync.warehouse.plans import approvals

    found = approvals.find(session.engine, session.environment.name, hash)
    state = found.state_at(session.clock.now()) if found is not None else ""
    if state in (ApprovalState.REJECTED, ApprovalState.EXPIRED):
        raise AirflowSkipException(f"Approval {hash} is {state}; none of its actions were written.")
