"""Decorator of idempotent steps: the result of a run's step is stored, and returned when the step is called again.

A failed step has no result and runs again. A finished step does not run again when its task is cleared or retried, so a
retry writes nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse import step_results
from stripe_sync.warehouse.step_results import StepResult

StepFunction = Callable[..., StepResult]  # (session, run, **arguments)
P = ParamSpec("P")
Kind = TypeVar("Kind", bound=StepResult)
Work = Callable[Concatenate[Session, Run, P], Kind]


def step(kind: type[Kind]) -> Callable[[Work[P, Kind]], Work[P, Kind]]:
    """Return the decorator of the step whose result is of a kind; the result is stored by environment, run id and step."""

    def decorate(work: Work[P, Kind]) -> Work[P, Kind]:
        @wraps(work)
        def once(session: Session, run: Run, /, *args: P.args, **kwargs: P.kwargs) -> Kind:
            stored = find_result(session, run, kind)
            if stored is not None:
                return stored
            session.progress(kind.step.replace("_", " "))
            return keep_result(session, run, work(session, run, *args, **kwargs))

        return once

    return decorate


def find_result(session: Session, run: Run, kind: type[Kind]) -> Kind | None:
    """Return the result of a step of this run, or None where the step is not finished."""
    return step_results.find(session.engine, session.environment.name, run.id, kind)


def result_or(session: Session, run: Run, default: Kind) -> Kind:
    """Return the result of a step of this run, or the default where the step is not finished."""
    return find_result(session, run, type(default)) or default


def keep_result(session: Session, run: Run, result: Kind) -> Kind:
    """Store the result of a step of this run, in place of an earlier one, and return it."""
    step_results.store(session.engine, session.environment.name, run.id, result)
    return result
