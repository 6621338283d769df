"""The report of a run of reconcile, made of the warehouse alone."""

from __future__ import annotations

from stripe_sync.jobs.runtime.context import Run, Session, reports_folder
from stripe_sync.jobs.runtime.step import Result
from stripe_sync.reporting import files, tables
from stripe_sync.reporting.tables import OF_A_RUN
from stripe_sync.warehouse import runs


def report(session: Session, run: Run) -> Result:
    """Writes the report of a run of reconcile, in the folder ``last-run`` of the environment's reports."""
    name = session.environment.name
    found = tables.tables(session.engine, OF_A_RUN, name, run_id=run.id)
    compared = runs.result(session.engine, name, run.id, "compare") or {}
    summary = tables.summary(found, name, run.id, differences=compared.get("differences", 0))
    folder = reports_folder() / name / "last-run"
    session.progress("report")
    written = files.write(folder, found, summary, lines="drift", page="run.html", at=run.now)
    result = {"files": written, "folder": str(folder), "summary": summary}
    runs.finish(session.engine, name, run.id, "report", result)
    return result
