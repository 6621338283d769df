"""Steps of the finance report: the audit of a closed month, and the report's files.

The report reads only the warehouse. The audit reads the month's invoices in Stripe, until they no longer change.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from stripe_sync.core import periods
from stripe_sync.jobs.finance.month_audit import audit, month_of
from stripe_sync.jobs.runtime.context import Run, Session, reports_folder
from stripe_sync.jobs.runtime.step import Result, step
from stripe_sync.reporting import files, tables
from stripe_sync.reporting.charts import charts
from stripe_sync.reporting.tables import FOR_FINANCE
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.finance import audits

CLOSING_TIME = timedelta(days=4)  # after the end of a month; longer than any draft is held


@step
def audit_month(session: Session, run: Run) -> Result:
    """Audit the run's parameter ``month``, or without one the newest closed month, daily until it is final."""
    requested = run.params.month
    month = requested or f"{periods.add_months(run.now, -1):%Y-%m}"
    month_of(month)
    done = audits.audited_at(session.engine, session.environment.name, month)
    if not requested and done is not None and (done >= closed_at(run.now) or run.now - done < timedelta(days=1)):
        return {"month": month, "read": False}
    rows = audit(session, month)
    audits.keep(session.engine, session.environment.name, month, rows, at=run.now)
    return {
        "month": month,
        "read": True,
        "rows": len(rows),
        "wrong": sum(bool(r["difference"] or r["missing"]) for r in rows),
    }


def closed_at(now: datetime) -> datetime:
    """Return the time after which the invoices of the newest closed month are final."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + CLOSING_TIME


def publish(session: Session, run: Run, folder: Any = None) -> Result:
    """Write the finance report into ``folder``, any path object; None means the environment's reports folder."""
    name = session.environment.name
    names = run.params.names or session.environment.report.names
    found = tables.tables(session.engine, FOR_FINANCE, name, names=names, now=run.now)
    portal = (runs.result(session.engine, name, run.id, "read_portal") or {}).get("rows", [])
    found.append(tables.table_of("portal", "Billing portal: recommended and actual switches", portal))
    summary = tables.finance_summary(found, name, f"{run.now:%Y-%m-%dT%H:%M:%SZ}")
    target = reports_folder() / name if folder is None else folder
    session.progress("publish")
    written = files.write(
        target, found, summary, lines="open_drift", page="finance.html", at=run.now, charts=charts(found)
    )
    counts = {"open_differences": summary["open_differences"], "invariants_broken": summary["invariants_broken"]}
    result = {"files": written, "folder": str(target), "summary": summary, "counts": counts}
    runs.finish(session.engine, name, run.id, "publish", result)
    return result
