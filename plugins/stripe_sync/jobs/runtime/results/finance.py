"""Results of the steps of the report job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stripe_sync.domain.checkout.portal_settings import SwitchState
from stripe_sync.reporting.summaries import FinanceSummary
from stripe_sync.warehouse.step_results import StepResult


@dataclass(frozen=True, kw_only=True)
class AuditCounts:
    """Invoices of an audit, and those that differ from the ledger; None where Stripe was not read."""

    rows: int | None = None
    wrong: int | None = None


@dataclass(frozen=True, kw_only=True)
class AuditedMonth(StepResult):
    """The month of an audit (``2026-11``), and whether Stripe was read."""

    step = "audit_month"
    month: str
    read: bool
    summary: AuditCounts = AuditCounts()


@dataclass(frozen=True, kw_only=True)
class PortalRead(StepResult):
    """The id of the billing portal's configuration, or None, and its switches."""

    step = "read_portal"
    flat = ()
    configuration: str | None
    rows: Sequence[SwitchState]


@dataclass(frozen=True, kw_only=True)
class ReportCounts:
    """Figures of a report that an alert may compare."""

    open_differences: int
    invariants_broken: int


@dataclass(frozen=True, kw_only=True)
class Published(StepResult):
    """The names of the report's files, their folder, and the report's figures."""

    step = "publish"
    flat = ()
    files: Sequence[str]
    folder: str
    summary: FinanceSummary
    counts: ReportCounts
