"""Results of the steps of reconcile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stripe_sync.reporting.summaries import RunSummary
from stripe_sync.warehouse.step_results import StepResult


@dataclass(frozen=True, kw_only=True)
class Preflight(StepResult):
    """The account, and the reason why all lanes are limited to observe mode, empty if there is none."""

    step = "preflight"
    flat = ()
    account: str
    held_at_observe: str


@dataclass(frozen=True, kw_only=True)
class StiggCounts:
    """Rows of a snapshot of Stigg by kind, whether everything was read (1 or 0), and the changes that were missed before."""

    counts: Mapping[str, int]
    whole: int
    missed: int


@dataclass(frozen=True, kw_only=True)
class ExtractedStigg(StepResult):
    """A snapshot of Stigg by its id; ``with_nul`` are (kind, id) of rows with a NUL in a text."""

    step = "extract_stigg"
    snapshot: int
    content: int
    with_nul: Sequence[tuple[str, str]]
    summary: StiggCounts


@dataclass(frozen=True, kw_only=True)
class StripeCounts:
    """Rows of a snapshot of Stripe by kind, and the links that ownership markers proved.

    ``whole`` is 1 where everything was read; then ``missed`` counts the changes that the events feed had not shown. Otherwise
    ``events`` and ``read`` count the new events and the objects that were read by id.
    """

    counts: Mapping[str, int]
    whole: int
    links_from_marks: int = 0
    missed: int | None = None
    events: int | None = None
    read: int | None = None


@dataclass(frozen=True, kw_only=True)
class ExtractedStripe(StepResult):
    """A snapshot of Stripe by its id.

    ``candidates`` are (link key, Stripe id) whose marker proves no link; ``proven_by`` is what their proof rests on.
    """

    step = "extract_stripe"
    snapshot: int
    content: int
    candidates: Sequence[tuple[str, str]] = ()
    proven_by: Sequence[int | str] = ()
    summary: StripeCounts


@dataclass(frozen=True, kw_only=True)
class SuiteCounts:
    """Suites that were run, and those whose outcome was kept from an earlier run."""

    judged: int
    kept: int


@dataclass(frozen=True, kw_only=True)
class CheckedMirrors(StepResult):
    """The rows (kind, id, rule) that are left out of the comparison."""

    step = "check_mirrors"
    quarantined: Sequence[tuple[str, str, str]]
    summary: SuiteCounts


@dataclass(frozen=True, kw_only=True)
class CheckedPlan(StepResult):
    """A plan that passed its checks."""

    step = "check_plan"
    summary: SuiteCounts


@dataclass(frozen=True, kw_only=True)
class ComparisonCounts:
    """Differences, also by kind, and the customers and subscriptions that were decided again."""

    differences: int
    drift_by_kind: Mapping[str, int]
    decided: int


@dataclass(frozen=True, kw_only=True)
class Compared(StepResult):
    """A comparison by its id, and whether everything was decided again."""

    step = "compare"
    comparison: int
    everything: bool
    summary: ComparisonCounts


@dataclass(frozen=True, kw_only=True)
class PlanCounts:
    """Actions, also by group, those that wait, and the differences without an action."""

    actions: int
    by_group: Mapping[str, int]
    waiting: int
    unplanned: int


@dataclass(frozen=True, kw_only=True)
class Planned(StepResult):
    """A plan by its hash.

    ``upto`` is the link key of the customer with whom it ended where others are left; ``beyond`` counts these by kind.
    """

    step = "plan"
    plan: str
    upto: str = ""
    beyond: Mapping[str, int] = field(default_factory=dict)
    summary: PlanCounts


@dataclass(frozen=True, kw_only=True)
class Asked(StepResult):
    """The hashes of the approvals that were requested."""

    step = "ask"
    flat = ()
    asked: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class WriteCounts:
    """Actions by result, and those that were made by kind."""

    results: Mapping[str, int]
    made: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Applied(StepResult):
    """The hashes of the actions whose answer differs from the target."""

    step = "apply"
    unverified: Sequence[str]
    summary: WriteCounts


@dataclass(frozen=True, kw_only=True)
class ProofCounts:
    """Actions that were made, those that were read back, and writes with an unknown outcome."""

    written: int
    read_back: int
    open_intents: int


@dataclass(frozen=True, kw_only=True)
class Verified(StepResult):
    """A sentence on each object that differs from its target."""

    step = "verify"
    wrong: Sequence[str]
    summary: ProofCounts


@dataclass(frozen=True, kw_only=True)
class Reported(StepResult):
    """The names of the report's files, and their folder."""

    step = "report"
    flat = ()
    files: Sequence[str]
    folder: str
    summary: RunSummary


@dataclass(frozen=True, kw_only=True)
class ReconcileOutcome(StepResult):
    """The outcome of a run: actions that were planned, and actions by result. It is not stored."""

    flat = ()
    run: str
    planned: int
    results: Mapping[str, int]
