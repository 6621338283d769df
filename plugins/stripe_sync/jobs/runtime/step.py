"""What makes a station idempotent: what a run's station gave is kept, and given again when it is asked again.

A station that failed left nothing behind and is done anew; one that finished is not, whoever clears or retries it, so a
retry of any task of any run writes nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse import runs

Result = dict[str, Any]  # ids and counts, as tasks hand them on
P = ParamSpec("P")


def station(work: Callable[Concatenate[Session, Run, P], Result]) -> Callable[Concatenate[Session, Run, P], Result]:
    """Keeps the result of a station by (environment, run id, station)."""

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
