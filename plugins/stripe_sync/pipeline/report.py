"""The drift report of a run, as files in a folder."""

from __future__ import annotations

from stripe_sync.pipeline.session import Run, Session, reports_folder
from stripe_sync.pipeline.station import Result
from stripe_sync.report import files, tables
from stripe_sync.warehouse import runs


def report(session: Session, run: Run) -> Result:
    """Writes the report of a run; it reads only the warehouse, so it is written anew whenever it is asked for."""
    name = session.environment.name
    found = tables.tables(session.engine, name, run.id)
    summary = tables.summary(found, name, run.id)
    folder = reports_folder() / name
    session.progress("report")
    result = {"files": files.write(folder, found, summary, at=run.now), "folder": str(folder), "summary": summary}
    runs.finish(session.engine, name, run.id, "report", result)
    return result
