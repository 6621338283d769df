"""Step lists: a job and its steps. DAG files and ``--help`` import this, so it imports nothing heavy.

The module of a step is imported when the step runs (``jobs/runtime/runner.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Repetition of a step in a run: once, or once per partition of the customers."""

    RUN = "run"
    PARTITION = "partition"


class Trigger(StrEnum):
    """Airflow's trigger rule of a step: after all upstream steps succeeded, or after they ended in any state."""

    ALL_SUCCESS = "all_success"
    ALL_DONE = "all_done"


class Page(StrEnum):
    """A page about a step's work, linked from its task in Airflow."""

    PLAN = "plan"
    DRIFT = "drift"
    USAGE = "usage"
    REPORTS = "reports"
    STRIPE = "stripe"


@dataclass(frozen=True)
class Argument:
    """A parameter of a step's function, and the field of an earlier step's result that is its value."""

    parameter: str
    step: str
    field: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a job; its name is the task's id in Airflow and the name of its stored result.

    ``function`` is ``module:name`` below ``stripe_sync.jobs``; it takes the session, the run and ``arguments``.
    ``after`` names upstream steps that are not in ``arguments``. With ``writes`` its task queues in the account's
    pool. ``priority`` is its task's weight, 0 for the DAG's default. ``asset`` is the asset that it updates.
    """

    name: str
    function: str
    arguments: tuple[Argument, ...] = ()
    after: tuple[str, ...] = ()
    scope: Scope = Scope.RUN
    trigger: Trigger = Trigger.ALL_SUCCESS
    writes: bool = False
    priority: int = 0
    asset: str = ""
    pages: tuple[Page, ...] = ()

    def upstream(self) -> tuple[str, ...]:
        """Return the names of the upstream steps, each once."""
        return tuple(dict.fromkeys((*(argument.step for argument in self.arguments), *self.after)))


@dataclass(frozen=True)
class Job:
    """The steps of a job in an order in which they can run. The last step decides the run's outcome."""

    name: str
    steps: tuple[Step, ...]

    @property
    def last(self) -> Step:
        """Return the last step."""
        return self.steps[-1]

    def step(self, name: str) -> Step:
        """Return the step of a name. Raises KeyError."""
        return {step.name: step for step in self.steps}[name]

    def leading_to(self, name: str) -> tuple[Step, ...]:
        """Return all direct and indirect upstream steps of a step, in the job's order, without the step."""
        upstream = set(self.step(name).upstream())
        for step in reversed(self.steps):
            if step.name in upstream:
                upstream.update(step.upstream())
        return tuple(step for step in self.steps if step.name in upstream)
