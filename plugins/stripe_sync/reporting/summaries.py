"""Figures of reports, as ``summary.json`` has them: scripts and dashboards read these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Totals = Mapping[str, Mapping[str, str]]  # major units as text, by a column and by currency
StatusCounts = Mapping[str, Mapping[str, int]]  # entities by kind and status


@dataclass(frozen=True)
class MonthlyMoney:
    """Amount per month of the differences of one kind, state and currency, in minor units as text."""

    kind: str
    state: str
    currency: str
    per_month_minor: str
    differences: int


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """Figures of a run of reconcile."""

    environment: str
    run: str
    differences: int
    per_month_minor: Sequence[MonthlyMoney]
    planned_actions: int
    waiting_actions: int
    statuses: StatusCounts


@dataclass(frozen=True, kw_only=True)
class FinanceSummary:
    """Figures of the finance report: totals by direction and currency, each the sum of its table's rows."""

    environment: str
    as_of: str
    open_differences: int
    a_month: Totals
    a_year: Totals
    usage: Totals
    invoices: Totals
    active_not_billed: int
    billed_not_active: int
    accepted: int
    repaired_since_yesterday: int
    invariants_broken: int
    statuses: StatusCounts
