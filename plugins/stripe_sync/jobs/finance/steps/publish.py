"""Steps of the finance report: the audit of a closed month, and the report's files.

The report reads only the warehouse. The audit reads the month's invoices in Stripe, until they no longer change.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from stripe_sync.core import periods
from stripe_sync.jobs.finance.month_audit import audit, month_of
from stripe_sync.jobs.runtime.context import Run, Session, reports_folder
from stripe_sync.jobs.runtime.results.finance import AuditCounts, AuditedMonth, PortalRead, Published, ReportCounts
from stripe_sync.jobs.runtime.step import find_result, keep_result, step
from stripe_sync.reporting import files, tables
from stripe_sync.reporting.charts import charts
from stripe_sync.reporting.folder import Folder
from stripe_sync.reporting.tables import FOR_FINANCE
from stripe_sync.warehouse.finance import audits

CLOSING_TIME = timedelta(days=4)  # after the end of a month; longer than any draft is held


@step(AuditedMonth)
def audit_month(session: Session, run: Run) -> AuditedMonth:
    """Audit the run's parameter ``month``, or without one the newest closed month, daily until it is final."""
    requested = run.params.month
    month = requested or f"{periods.add_months(run.now, -1):%Y-%m}"
    month_of(month)
    done = audits.audited_at(session.engine, session.environment.name, month)
    if not requested and done is not None and (done >= closed_at(run.now) or run.now - done < timedelta(days=1)):
        return AuditedMonth(month=month, read=False)
    rows = audit(session, month)
    audits.keep(session.engine, session.environment.name, month, rows, at=run.now)
    wrong = sum(row.is_wrong for row in rows)
    return AuditedMonth(month=month, read=True, summary=AuditCounts(rows=len(rows), wrong=wrong))


def closed_at(now: datetime) -> datetime:
    """Return the time after which the invoices of the newest closed month are final."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + CLOSING_TIME


def publish(session: Session, run: Run, folder: Folder | None = None) -> Published:
    """Write the finance report into ``folder``, any path object; None means the environment's reports folder."""
    name = session.environment.name
    names = run.params.names or session.environment.report.names
    found = tables.tables(session.engine, FOR_FINANCE, name, names=names, now=run.now)
    portal = find_result(session, run, PortalRead)
    switches = [asdict(switch) for switch in portal.rows] if portal else []
    found.append(tables.table_of("portal", "Billing portal: recommended and actual switches", switches))
    summary = tables.finance_summary(found, name, f"{run.now:%Y-%m-%dT%H:%M:%SZ}")
    target = reports_folder() / name if folder is None else folder
    session.progress("publish")
    written = files.write(
        target, found, summary, lines="open_drift", page="finance.html", at=run.now, charts=charts(found)
    )
    counts = ReportCounts(open_differences=summary.open_differences, invariants_broken=summary.invariants_broken)
    return keep_result(session, run, Published(files=written, folder=str(target), summary=summary, counts=counts))
