"""Approval requests in Airflow: runs of ``apply__ENVIRONMENT``, their subject and body, and the answer."""

from __future__ import annotations

from typing import Any

import structlog
from airflow.sdk import get_current_context

from stripe_sync.core.approval_state import ApprovalState
from stripe_sync.interfaces.airflow.steps import open_task_session
from stripe_sync.jobs.runtime.step_list import Step

log = structlog.get_logger(__name__)


def trigger_arguments(environment: str, step: Step) -> list[dict[str, Any]]:
    """Perform a step that requests approvals, and return the trigger arguments of ``apply__ENVIRONMENT``, one dict per request.

    Each dict has ``conf`` ({"approval": hash}) and ``trigger_run_id``. A step that has run before in this run returns its
    stored result.
    """
    from stripe_sync.jobs.runtime.context import start_run
    from stripe_sync.jobs.runtime.results.reconcile import Asked
    from stripe_sync.jobs.runtime.runner import run_step
    from stripe_sync.jobs.runtime.step import find_result

    context = get_current_context()
    with open_task_session(environment) as session:
        run = start_run(session, context["run_id"], dict(context["params"]))
        run_step(session, run, step)
        found = find_result(session, run, Asked)
        hashes = found.asked if found is not None else ()
    return [
        {"conf": {"approval": hash}, "trigger_run_id": f"approval__{hash}__{run.now:%Y%m%dT%H%M%S}"} for hash in hashes
    ]


def request_text(environment: str) -> dict[str, str]:
    """Return ``subject`` and ``body`` (Markdown) of the approval request of the current run of the apply DAG."""
    from stripe_sync.jobs.runtime import approvals

    with open_task_session(environment) as session:
        return approvals.question(session, get_current_context()["params"]["approval"])


def record_answer(environment: str, *, state: ApprovalState) -> None:
    """Record a person's answer in Airflow, or a rejection after the deadline; an earlier answer is kept."""
    from stripe_sync.core.errors import ConfigurationError
    from stripe_sync.jobs.runtime import approvals
    from stripe_sync.jobs.runtime.manual_actions import Operator

    context = get_current_context()
    hash = context["params"]["approval"]
    given = context["ti"].xcom_pull(task_ids="decide") or {}
    user = given.get("responded_by_user") or {}
    person = str(user.get("name") or user.get("id") or "no answer before the deadline")
    with open_task_session(environment) as session:
        try:
            record = approvals.approve if state == ApprovalState.APPROVED else approvals.reject
            log.info(record(session, hash, Operator(person, "answered in Airflow")))
        except ConfigurationError as decided:
            if state == ApprovalState.APPROVED:
                approvals.approved_actions(session, hash)  # raises unless it was approved elsewhere
            log.info(str(decided))
