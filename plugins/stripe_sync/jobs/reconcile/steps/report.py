"""The report of a run of reconcile, made of the warehouse alone."""

from __future__ import annotations

from stripe_sync.jobs.runtime.context import Run, Session, reports_folder
from stripe_sync.jobs.runtime.results.reconcile import Compared, Reported
from stripe_sync.jobs.runtime.step import find_result, keep_result
from stripe_sync.reporting import files, tables
from stripe_sync.reporting.tables import OF_A_RUN


def report(session: Session, run: Run) -> Reported:
    """Write the report of a run of reconcile, in the folder ``last-run`` of the environment's reports."""
    name = session.environment.name
    found = tables.tables(session.engine, OF_A_RUN, name, run_id=run.id)
    compared = find_result(session, run, Compared)
    differences = compared.summary.differences if compared else 0
    summary = tables.summary(found, name, run.id, differences=differences)
    folder = reports_folder() / name / "last-run"
    session.progress("report")
    written = files.write(folder, found, summary, lines="drift", page="run.html", at=run.now)
    return keep_result(session, run, Reported(files=written, folder=str(folder), summary=summary))
