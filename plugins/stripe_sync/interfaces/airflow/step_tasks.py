"""The steps of a job as tasks of a DAG: one task per step, with the edges of the job's step list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from airflow.sdk import TriggerRule, task

from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.approval_requests import trigger_arguments
from stripe_sync.interfaces.airflow.dag_arguments import asset, final_task_args, pool_arguments
from stripe_sync.interfaces.airflow.links import LINKS, add_links
from stripe_sync.interfaces.airflow.steps import perform
from stripe_sync.jobs.runtime.step_list import Step

Arguments = Callable[[], dict[str, Any]]


def no_arguments() -> dict[str, Any]:
    """Return no arguments: the step takes only the results of other steps."""
    return {}


def step_tasks(environment: str, settings: Environment, steps: Iterable[Step], *, final: str = "") -> dict[str, Any]:
    """Create a task for each step and return the tasks by name; ``final`` is the step whose task sends the run's alerts."""
    tasks: dict[str, Any] = {}
    for step in steps:
        tasks[step.name] = step_task(environment, settings, step, is_final=step.name == final)
        for name in step.upstream():
            tasks[name] >> tasks[step.name]
    return tasks


def step_task(
    environment: str,
    settings: Environment,
    step: Step,
    *,
    is_final: bool = False,
    arguments: Arguments = no_arguments,
) -> Any:
    """Create the task of a step; ``arguments`` returns, at run time, those that are no results of other steps."""

    @task(task_id=step.name, **task_arguments(environment, settings, step, is_final=is_final))
    def step_of_job() -> Any:
        return perform(environment, step, **arguments())

    created = step_of_job()
    return add_links(created, *(LINKS[page] for page in step.pages)) if step.pages else created


def task_arguments(environment: str, settings: Environment, step: Step, *, is_final: bool) -> dict[str, Any]:
    """Return the arguments of a step's task."""
    found: dict[str, Any] = {"trigger_rule": TriggerRule(step.trigger.value)}
    if step.asset:
        found["outlets"] = [asset(environment, step.asset)]
    if step.priority:
        found["priority_weight"] = step.priority
    if step.writes:
        found |= pool_arguments(settings)
    return found | (final_task_args(environment, settings) if is_final else {})


def question_tasks(environment: str, step: Step) -> Any:
    """Create the tasks that trigger a run of ``apply__ENVIRONMENT`` for each approval request of a step.

    Returns the first of them.
    """
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

    @task
    def ask() -> Any:
        return trigger_arguments(environment, step)

    requests = ask()
    TriggerDagRunOperator.partial(
        task_id="open_questions", trigger_dag_id=f"apply__{environment}", skip_when_already_exists=True
    ).expand_kwargs(requests)
    return requests
