"""The runner: performs the steps of a job in order, for a shell, a task or a notebook.

A finished step returns its stored result, so a run can be continued where it stopped.
"""

from __future__ import annotations

from importlib import import_module

from stripe_sync.core.errors import FatalError
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.step import StepFunction
from stripe_sync.jobs.runtime.step_list import Job, Step
from stripe_sync.reporting.folder import Folder
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.step_results import StepResult


def run_job(session: Session, run: Run, job: Job) -> None:
    """Perform all steps of a job. Raises the error that stops one of them."""
    for step in job.steps:
        run_step(session, run, step)


def run_until(session: Session, run: Run, job: Job, name: str) -> None:
    """Perform the steps that a step waits for, and the step itself."""
    for step in (*job.leading_to(name), job.step(name)):
        run_step(session, run, step)


def run_step(session: Session, run: Run, step: Step, **given: Folder | None) -> StepResult:
    """Perform one step. Its arguments are fields of the stored results of earlier steps, and ``given``."""
    return function_of(step)(session, run, **argument_values(session, run, step), **given)


def function_of(step: Step) -> StepFunction:
    """Import the module of a step and return its function."""
    module, _, name = step.function.partition(":")
    function: StepFunction = getattr(import_module(f"stripe_sync.jobs.{module}"), name)
    return function


def argument_values(session: Session, run: Run, step: Step) -> dict[str, int | str]:
    """Return the arguments of a step by parameter. Raises FatalError where an earlier step has no result."""
    if not step.arguments:
        return {}
    kept, found = runs.results(session.engine, session.environment.name, run.id), {}
    for argument in step.arguments:
        result = kept.get(argument.step)
        if result is None:
            raise FatalError(
                f"Run {run.id} has no result of step {argument.step}, so step {step.name} cannot start. Run {argument.step} first."
            )
        found[argument.parameter] = result[argument.field]
    return found


def require_finished(session: Session, run: Run, job: Job) -> None:
    """Raise FatalError with the unfinished steps before the last one."""
    finished = runs.results(session.engine, session.environment.name, run.id)
    unfinished = [step.name for step in job.leading_to(job.last.name) if step.name not in finished]
    if unfinished:
        raise FatalError(f"Run {run.id} did not finish {', '.join(unfinished)}. See the log of step {unfinished[0]}.")
