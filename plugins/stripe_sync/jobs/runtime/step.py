"""Decorator of idempotent steps: the result of a run's step is stored, and returned when the step is called again.

A failed step has no result and runs again. A finished step does not run again when its task is cleared or retried, so a
retry writes nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse import runs

Result = dict[str, Any]  # ids and counts; tasks exchange them
StepFunction = Callable[..., Result]  # (session, run, **arguments)
P = ParamSpec("P")


def step(work: Callable[Concatenate[Session, Run, P], Result]) -> Callable[Concatenate[Session, Run, P], Result]:
    """Store the result of a step by (environment, run id, name of its function)."""

    @wraps(work)
    def once(session: Session, run: Run, *args: P.args, **kwargs: P.kwargs) -> Result:
        name = session.environment.name
        stored = runs.result(session.engine, name, run.id, work.__name__)
        if stored is not None:
            return stored
        session.progress(work.__name__.replace("_", " "))
        result = work(session, run, *args, **kwargs)
        runs.finish(session.engine, name, run.id, work.__name__, result)
        return result

    return cast(Callable[Concatenate[Session, Run, P], Result], once)
