"""The drift report of a run, as files in a folder."""

from __future__ import annotations

from stripe_sync.pipeline.session import Run, Session, reports_folder
from stripe_sync.pipeline.station import Result, station
from stripe_sync.report import files, tables


@station
def report(session: Session, run: Run) -> Result:
    """Writes the report of a run; it reads only the warehouse."""
    name = session.environment.name
    found = tables.tables(session.engine, name, run.id)
    summary = tables.summary(found, name, run.id)
    folder = reports_folder() / name
    return {"files": files.write(folder, found, summary, at=run.now), "folder": str(folder), "summary": summary}
