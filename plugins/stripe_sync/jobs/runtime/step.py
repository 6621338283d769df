"""The decorator that makes a step idempotent: the result of a run's step is kept and returned when it is called again.

A step that failed kept nothing and runs again; one that finished does not, whoever clears or retries its task, so a retry
writes nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse import runs

Result = dict[str, Any]  # ids and counts, as tasks hand them on
StepFunction = Callable[..., Result]  # (session, run, **arguments)
P = ParamSpec("P")


def step(work: Callable[Concatenate[Session, Run, P], Result]) -> Callable[Concatenate[Session, Run, P], Result]:
    """Keep the result of a step by (environment, run id, name of its function)."""

    @wraps(work)
    def once(session: Session, run: Run, *args: P.args, **kwargs: P.kwargs) -> Result:
        name = session.environment.name
        kept = runs.result(session.engine, name, run.id, work.__name__)
        if kept is not None:
            return kept
        session.progress(work.__name__.replace("_", " "))
        result = work(session, run, *args, **kwargs)
        runs.finish(session.engine, name, run.id, work.__name__, result)
        return result

    return cast(Callable[Concatenate[Session, Run, P], Result], once)
