"""Questions to people in Airflow: runs of ``apply__ENVIRONMENT``, the question that they show, and its answer."""

from __future__ import annotations

from typing import Any

import structlog
from airflow.sdk import get_current_context

from stripe_sync.core.approval_state import ApprovalState
from stripe_sync.interfaces.airflow.steps import opened
from stripe_sync.jobs.runtime.step_list import Step

log = structlog.get_logger(__name__)


def asked(environment: str, step: Step) -> list[dict[str, Any]]:
    """Perform a step that asks people, and return the arguments of a run of ``apply__ENVIRONMENT`` for each set.

    A step that has run before in this run returns its kept result.
    """
    from stripe_sync.jobs.runtime.context import start_run
    from stripe_sync.jobs.runtime.runner import run_step

    context = get_current_context()
    with opened(environment) as session:
        run = start_run(session, context["run_id"], dict(context["params"]))
        hashes = run_step(session, run, step).get("asked", [])
    return [
        {"conf": {"approval": hash}, "trigger_run_id": f"approval__{hash}__{run.now:%Y%m%dT%H%M%S}"} for hash in hashes
    ]


def question(environment: str) -> dict[str, str]:
    """Return subject and body of the question that the current run of the apply DAG is about."""
    from stripe_sync.jobs.runtime.approvals import question as asked_question

    with opened(environment) as session:
        return asked_question(session, get_current_context()["params"]["approval"])


def answer(environment: str, *, state: ApprovalState) -> None:
    """Record the answer of a person in Airflow, or a rejection when the time is over; one given elsewhere stands."""
    from stripe_sync.core.errors import ConfigurationError
    from stripe_sync.jobs.runtime import approvals as approve
    from stripe_sync.jobs.runtime.manual_actions import Hand

    context = get_current_context()
    hash = context["params"]["approval"]
    given = context["ti"].xcom_pull(task_ids="decide") or {}
    user = given.get("responded_by_user") or {}
    person = str(user.get("name") or user.get("id") or "nobody: the time was over")
    with opened(environment) as session:
        try:
            said = approve.approve if state == ApprovalState.APPROVED else approve.reject
            log.info(said(session, hash, Hand(person, "answered in Airflow")))
        except ConfigurationError as decided:
            if state == ApprovalState.APPROVED:
                approve.approved_actions(session, hash)  # approved elsewhere is as good
            log.info(str(decided))
