"""Step, Job: a job as the list of its steps. DAG files and ``--help`` import it, so it imports nothing heavy.

The module of a step is imported when the step runs (``jobs/runtime/runner.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """How often a run performs a step: once, or once a partition of the customers."""

    RUN = "run"
    PARTITION = "partition"


class Trigger(StrEnum):
    """When a step may start, in Airflow's words: after all steps before it succeeded, or after they ended in any state."""

    ALL_SUCCESS = "all_success"
    ALL_DONE = "all_done"


class Page(StrEnum):
    """A page that shows what a step did; its task in Airflow has a button to it."""

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
    """One step of a job; its name is the task's id in Airflow and the name of its kept result.

    ``function`` is ``module:name`` below ``stripe_sync.jobs``; it takes the session, the run and ``arguments``.
    ``after`` names the steps that it waits for, those of ``arguments`` left out. ``writes``: its task queues in the account's
    pool. ``priority`` is its task's weight, 0 the DAG's own. ``asset`` names the asset that it updates.
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
        """Return the names of the steps that it waits for, each once."""
        return tuple(dict.fromkeys((*(argument.step for argument in self.arguments), *self.after)))


@dataclass(frozen=True)
class Job:
    """The steps of a job in an order in which they can run. The last step decides the run's outcome."""

    name: str
    steps: tuple[Step, ...]

    @property
    def last(self) -> Step:
        return self.steps[-1]

    def step(self, name: str) -> Step:
        """Return the step of a name. Raises KeyError."""
        return {step.name: step for step in self.steps}[name]

    def leading_to(self, name: str) -> tuple[Step, ...]:
        """Return the steps that a step waits for, directly or not, in the job's order; the step is not among them."""
        waited = set(self.step(name).upstream())
        for step in reversed(self.steps):
            if step.name in waited:
                waited.update(step.upstream())
        return tuple(step for step in self.steps if step.name in waited)
