"""A task is one call of one station. What the pipeline raises becomes what Airflow should do about it.

Heavy modules are imported when a task runs, never when a DAG file is parsed.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from stripe_sync.errors import Incomplete, RunStopped, Waiting

log = logging.getLogger(__name__)
MODULES = {
    "extract_stigg": "extract",
    "extract_stripe": "extract",
    "check_mirrors": "check",
    "check_plan": "check",
}


def for_xcom(result: dict[str, Any]) -> dict[str, Any]:
    """Ids and counts of a result: its numbers and texts, and the counts by name in it. Lists stay in the warehouse."""

    def small(value: Any) -> bool:
        return value is None or isinstance(value, int | str | float)

    kept = {name: value for name, value in result.items() if small(value)}
    counts = {
        name: value for name, value in result.items() if isinstance(value, dict) and all(map(small, value.values()))
    }
    return kept | counts


def call(environment: str, station: str, **arguments: Any) -> dict[str, Any]:
    """Runs a station for the current DAG run. Gives ids and counts, which are all that goes into XCom.

    What cannot be right when tried again fails at once; a lane that somebody else writes is skipped; the rest is tried
    again as the task's retries say.
    """
    from stripe_sync.orchestration.hooks import connection_of
    from stripe_sync.pipeline.session import open_session, start_run

    module = importlib.import_module(f"stripe_sync.pipeline.{MODULES.get(station, station)}")
    context = get_current_context()
    try:
        session = open_session(environment, connection_of=connection_of, progress=log.info)
        try:
            run = start_run(session, context["run_id"], dict(context["params"]))
            return for_xcom(getattr(module, station)(session, run, **arguments))
        finally:
            session.close()
    except Waiting as waiting:
        raise AirflowSkipException(str(waiting)) from None
    except Incomplete:
        raise  # the next try extracts anew
    except RunStopped as stopped:
        raise AirflowFailException(str(stopped)) from None
