"""Results of the steps of the usage job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from stripe_sync.domain.usage.charges import Problem
from stripe_sync.domain.usage.holds.stuck import Stuck
from stripe_sync.warehouse.step_results import StepResult


@dataclass(frozen=True, kw_only=True)
class DueCounts:
    """Subscriptions that have something due, and windows that were closed (None before the first comparison)."""

    due: int = 0
    windows: int | None = None


@dataclass(frozen=True, kw_only=True)
class FoundDue(StepResult):
    """Drafts and subscriptions that have something due.

    ``held`` are the ids of the drafts that were held, ``short`` the seconds of grace of those that Stripe finalizes within an
    hour, ``unowed`` sentences on those that sell a period after the end. ``invoices`` are the ids of the invoices that were
    read, ``unreadable`` the problems of subscriptions of which an object could not be read. ``stale`` says that the mirrors are
    old. ``held_at_observe`` is the reason why nothing may be written, empty if
    there is none, and None where it was not asked.
    """

    step = "usage_due"
    problems: Sequence[Problem] = ()
    unreadable: Sequence[Problem] = ()
    stale: str = ""
    held: Sequence[str] = ()
    short: Mapping[str, int] = field(default_factory=dict)
    unowed: Sequence[str] = ()
    held_at_observe: str | None = None
    invoices: Sequence[str] | None = None
    summary: DueCounts = DueCounts()

    @property
    def is_any_due(self) -> bool:
        """Return whether a subscription has something due."""
        return bool(self.summary.due)

    @property
    def observed(self) -> str:
        """Return the reason why nothing may be written, empty if there is none or it was not asked."""
        return self.held_at_observe or ""

    @property
    def read_invoices(self) -> Sequence[str]:
        """Return the ids of the invoices that were read."""
        return self.invoices or ()

    @property
    def blocked(self) -> set[str]:
        """Return the Stripe subscriptions whose usage cannot be counted."""
        return {problem.stripe_subscription for problem in (*self.problems, *self.unreadable)}

    @property
    def left_out(self) -> set[str]:
        """Return the Stripe subscriptions for which nothing is billed in this run."""
        return {problem.stripe_subscription for problem in self.unreadable}


@dataclass(frozen=True, kw_only=True)
class ReadingCounts:
    """Windows that were read, and those that no longer fitted into the run."""

    read: int = 0
    unread: int = 0


@dataclass(frozen=True, kw_only=True)
class ReadQuantities(StepResult):
    """A sentence on each window that could not be read."""

    step = "usage_count"
    failed: Sequence[str] = ()
    summary: ReadingCounts = ReadingCounts()


@dataclass(frozen=True, kw_only=True)
class LineCounts:
    """Lines and events by result, and windows that were proven."""

    lines: Mapping[str, int] = field(default_factory=dict)
    proven: int = 0


@dataclass(frozen=True, kw_only=True)
class WrittenLines(StepResult):
    """Sentences on what waits, what was refused, and what raises an alert (``pages``); the hashes of requested approvals."""

    step = "usage_lines"
    waits: Sequence[str] = ()
    refused: Sequence[str] | None = None
    asked: Sequence[str] | None = None
    pages: Sequence[str] | None = None
    summary: LineCounts = LineCounts()

    @property
    def alerts(self) -> Sequence[str]:
        """Return the sentences that raise an alert."""
        return self.pages or ()


REPORTED_PERIOD = timedelta(days=62)  # of the counted windows, before the run


@dataclass(frozen=True, kw_only=True)
class UsageCounts:
    """Windows of ``REPORTED_PERIOD`` by state, those that are late, and Stripe's rounding, minor units by currency."""

    late: int
    counts: Mapping[str, int]
    rounded: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class StuckInvoices:
    """Invoices that nothing moves on, the moment (ISO 8601) at which Stripe was last read, and a sentence on each that raises an alert."""

    stuck: Sequence[Stuck] = ()
    stuck_at: str | None
    stuck_pages: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Settled(StepResult):
    """The ids of the drafts that were held and released, and the sentences that raise an alert."""

    step = "usage_settle"
    flat = ("summary", "listed")
    held: Sequence[str] = ()
    released: Sequence[str] = ()
    pages: Sequence[str] = ()
    listed: StuckInvoices = StuckInvoices(stuck_at=None)
    summary: UsageCounts


@dataclass(frozen=True, kw_only=True)
class UsageOutcome(StepResult):
    """The outcome of a run: the results of its steps as one. It is not stored."""

    flat = ("due", "read", "written", "settled")
    run: str
    due: FoundDue | None
    read: ReadQuantities | None
    written: WrittenLines | None
    settled: Settled | None
