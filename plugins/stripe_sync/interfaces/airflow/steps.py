"""A task is one call of one station. What the pipeline raises becomes what Airflow should do about it.

Heavy modules are imported when a task runs, never when a DAG file is parsed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from structlog.contextvars import bound_contextvars

from stripe_sync.core.errors import Incomplete, RunStopped, Waiting
from stripe_sync.interfaces.airflow.metrics import measured, requests
from stripe_sync.interfaces.airflow.wiring import asset

if TYPE_CHECKING:
    from stripe_sync.jobs.runtime.context import Session

log = structlog.get_logger(__name__)
MODULES = {
    "preflight": "runtime.preflight",
    "extract_stigg": "reconcile.steps.extract",
    "extract_stripe": "reconcile.steps.extract",
    "check_mirrors": "reconcile.steps.check",
    "compare": "reconcile.steps.compare",
    "plan": "reconcile.steps.plan",
    "check_plan": "reconcile.steps.check",
    "ask": "runtime.approvals",
    "apply": "reconcile.steps.apply",
    "verify": "reconcile.steps.verify",
    "report": "reconcile.steps.report",
    "verdict": "reconcile.steps.outcome",
    "usage_due": "usage.steps.find_due",
    "usage_count": "usage.steps.read_quantities",
    "usage_lines": "usage.steps.write_lines",
    "usage_settle": "usage.steps.settle",
    "usage_verdict": "usage.job",
    "audit_month": "finance.steps.publish",
    "read_portal": "checkout.portal",
    "publish": "finance.steps.publish",
    "checkout": "checkout.steps.checkout",
    "complete_checkout": "checkout.steps.checkout",
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


@contextmanager
def opened(environment: str) -> Iterator[Session]:
    """The session of an environment inside a task, with what the pipeline raises as Airflow takes it.

    What cannot be right when tried again fails at once; what somebody else writes, or has to decide, is skipped; the rest
    is tried again as the task's retries say. Each line of the task's log carries the environment and the run.
    """
    from stripe_sync.interfaces.airflow.hooks import connection_of
    from stripe_sync.jobs.runtime.context import open_session

    try:
        with bound_contextvars(environment=environment, run=get_current_context()["run_id"]):
            session = open_session(environment, connection_of=connection_of, progress=log.info)
            try:
                yield session
            finally:
                requests(session)
                session.close()
    except Waiting as waiting:
        if get_current_context()["params"].get("approval"):
            raise  # an approved set waits for its turn; the task is tried again
        raise AirflowSkipException(str(waiting)) from None
    except Incomplete:
        raise  # the next try extracts anew
    except RunStopped as stopped:
        raise AirflowFailException(str(stopped)) from None


def call(environment: str, station: str, *, outlet: str = "", nest: str = "", **arguments: Any) -> dict[str, Any]:
    """Runs a station for the current DAG run. Gives ids and counts, which are all that goes into XCom.

    They go into the event of the asset that ``outlet`` names, too. ``nest``: the run's parameters are one parameter of that name.
    """
    from stripe_sync.jobs.runtime.context import start_run

    module = importlib.import_module(f"stripe_sync.jobs.{MODULES[station]}")
    context = get_current_context()
    with opened(environment) as session:
        params = dict(context["params"])
        if station in ("report", "verdict") and params.get("approval"):
            skip_if_refused(session, params["approval"])
        run = start_run(session, context["run_id"], {nest: params} if nest else params)
        result = for_xcom(getattr(module, station)(session, run, **arguments))
        measured(session, run, station)
    if outlet:
        context["outlet_events"][asset(environment, outlet)].extra = {"run": context["run_id"], **result}
    return result


def folder(environment: str, heading: Mapping[str, Any]) -> Any:
    """Where an environment's report is written: below ``report_path``, or None for the folder beside the worker."""
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(heading["report_path"]) / environment if heading["report_path"] else None


def skip_if_refused(session: Session, hash: str) -> None:
    """Raises AirflowSkipException where nobody said yes: such a run did nothing, which is no failure."""
    from stripe_sync.warehouse.plans import approvals

    found = approvals.find(session.engine, session.environment.name, hash)
    state = found.state_at(session.clock.now()) if found is not None else ""
    if state in ("rejected", "expired"):
        raise AirflowSkipException(f"The set {hash} is {state}; nothing of it was made.")


def asked(environment: str) -> list[dict[str, Any]]:
    """What each run of the apply DAG is started with: one a set that a person is asked about from this run on.

    ``reconcile`` asks by its station ``ask``; the usage job has asked with its lines.
    """
    from stripe_sync.jobs.runtime.approvals import ask
    from stripe_sync.jobs.runtime.context import start_run
    from stripe_sync.warehouse import runs

    context = get_current_context()
    with opened(environment) as session:
        run = start_run(session, context["run_id"], dict(context["params"]))
        lines = runs.result(session.engine, environment, run.id, "usage_lines")
        hashes = lines.get("asked", []) if lines is not None else ask(session, run)["asked"]
    return [
        {"conf": {"approval": hash}, "trigger_run_id": f"approval__{hash}__{run.now:%Y%m%dT%H%M%S}"} for hash in hashes
    ]


def question(environment: str) -> dict[str, str]:
    """Subject and body of the question that the current run of the apply DAG is about."""
    from stripe_sync.jobs.runtime.approvals import question as asked_question

    with opened(environment) as session:
        return asked_question(session, get_current_context()["params"]["approval"])


def answer(environment: str, *, state: str) -> None:
    """Records the answer that a person gave in Airflow, or that nobody gave in time; one given elsewhere stands."""
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
            said = approve.approve if state == "approved" else approve.reject
            log.info(said(session, hash, Hand(person, "answered in Airflow")))
        except ConfigurationError as decided:
            if state == "approved":
                approve.approved_actions(session, hash)  # approved elsewhere is as good
            log.info(str(decided))


def checked(environment: str) -> list[str]:
    """The lines of ``connect``. Raises AirflowFailException where one is a failure."""
    from stripe_sync.jobs.setup.connect import lines

    with opened(environment) as session:
        found = list(lines(session))
    for line in found:
        log.info("%-8s %s: %s", line.state, line.name, line.text)
    failures = [f"{line.name}: {line.text}" for line in found if line.state == "failure"]
    if failures:
        raise AirflowFailException(f"{len(failures)} checks of {environment} failed. {' '.join(failures)}")
    return [f"{line.state} {line.name}" for line in found]


def disconnected(environment: str) -> list[str]:
    """What disconnecting would do, or did where the run's parameter ``confirm`` is the environment's name."""
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
