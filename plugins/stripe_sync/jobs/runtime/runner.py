"""The runner: performs the steps of a job in their order, for a shell, a task or a notebook.

A step that finished returns its kept result, so a run may be continued where it stopped.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from stripe_sync.core.errors import RunStopped
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.step import Result, StepFunction
from stripe_sync.jobs.runtime.step_list import Job, Step
from stripe_sync.warehouse import runs


def run_job(session: Session, run: Run, job: Job) -> None:
    """Perform all steps of a job. Raises the error that stops one of them."""
    for step in job.steps:
        run_step(session, run, step)


def run_until(session: Session, run: Run, job: Job, name: str) -> None:
    """Perform the steps that a step waits for, and the step itself."""
    for step in (*job.leading_to(name), job.step(name)):
        run_step(session, run, step)


def run_step(session: Session, run: Run, step: Step, **given: Any) -> Result:
    """Perform one step. Its arguments are fields of the kept results of earlier steps, and those that are given."""
    return function_of(step)(session, run, **argument_values(session, run, step), **given)


def function_of(step: Step) -> StepFunction:
    """Import the module of a step and return its function."""
    module, _, name = step.function.partition(":")
    function: StepFunction = getattr(import_module(f"stripe_sync.jobs.{module}"), name)
    return function


def argument_values(session: Session, run: Run, step: Step) -> dict[str, int | str]:
    """Return the arguments of a step by parameter. Raises RunStopped where a step that it waits for has not finished."""
    if not step.arguments:
        return {}
    kept, found = runs.results(session.engine, session.environment.name, run.id), {}
    for argument in step.arguments:
        result = kept.get(argument.step)
        if result is None:
            raise RunStopped(f"The run {run.id} has no result of {argument.step}, so {step.name} cannot start.")
        found[argument.parameter] = result[argument.field]
    return found


def require_finished(session: Session, run: Run, job: Job) -> None:
    """Raise RunStopped with the steps that the last step waits for and that did not finish."""
    unfinished = [name for name, result in kept_results(session, run, job).items() if result is None]
    if unfinished:
        raise RunStopped(f"The run {run.id} did not finish {', '.join(unfinished)}; see the first of them.")


def kept_results(session: Session, run: Run, job: Job) -> dict[str, Result | None]:
    """Return the kept result of each step that the last step waits for, None where it has none."""
    name = session.environment.name
    found = runs.results(session.engine, name, run.id)
    return {step.name: found.get(step.name) for step in job.leading_to(job.last.name)}
