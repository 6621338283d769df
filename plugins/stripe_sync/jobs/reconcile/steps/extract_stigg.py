"""Reads Stigg and closes it as a snapshot: all of it, or the changes since the last snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from stripe_sync.jobs.extract import stigg
from stripe_sync.jobs.extract.full_read import overdue
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.reconcile import ExtractedStigg, StiggCounts
from stripe_sync.jobs.runtime.step import step
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.snapshots import snapshots, staging, stigg_cursors
from stripe_sync.warehouse.snapshots.snapshots import Snapshot
from stripe_sync.warehouse.snapshots.staging import StagedRow
from stripe_sync.warehouse.snapshots.stigg_cursors import StiggRead


@step(ExtractedStigg)
def extract_stigg(session: Session, run: Run) -> ExtractedStigg:
    """Take a snapshot of Stigg: of everything, or of what may have changed since the last one."""
    environment = session.environment
    state = stigg_cursors.find(session.engine, environment.name)
    why = stigg_whole_because(session, run, state)
    if why or state is None:
        session.progress(f"  everything is read in Stigg: {why}")
        read, whole = StiggRead(run.now, run.now, run.now), None
        rows: Iterable[StagedRow] = stigg.read(session.stigg)
    else:
        scan = run.now - state.scanned_at >= timedelta(minutes=environment.stigg.scan_minutes)
        read = StiggRead(run.now, run.now if scan else state.scanned_at, state.audited_at)
        rows, whole = stigg_changes(session, state, scan=scan), stigg.CATALOG
    snapshot = staging.close(
        session.engine,
        environment=environment.name,
        side="stigg",
        run_id=run.id,
        kinds=stigg.KINDS,
        upper_bound=run.now,
        rows=rows,
        whole=whole,
    )
    missed = unseen_in_stigg(session, state, snapshot) if why and state is not None else []
    if missed:
        session.progress(f"  {len(missed)} changes in Stigg had not been shown by updatedAt, such as {missed[0]}")
    with session.engine.begin() as connection:
        stigg_cursors.advance(connection, environment.name, read)
    for kind, id in snapshot.with_nul:
        session.progress(f"  The {kind} {id} has a NUL in a text; it is replaced by U+FFFD: correct it in Stigg.")
    summary = StiggCounts(counts=snapshot.counts, whole=1 if whole is None else 0, missed=len(missed))
    return ExtractedStigg(
        snapshot=snapshot.id, content=snapshot.content_id, with_nul=snapshot.with_nul, summary=summary
    )


def stigg_whole_because(session: Session, run: Run, state: StiggRead | None) -> str:
    """Why everything is read and not what changed, or an empty text."""
    environment = session.environment
    if not environment.stigg.feed:
        return "stigg.feed is off"
    if run.params.full:
        return "a full read was requested"
    if state is None:
        return "it is the first read"
    return overdue(run, state.audited_at, hours=environment.full_sync_interval_hours)


def stigg_changes(session: Session, state: StiggRead, *, scan: bool) -> Iterator[StagedRow]:
    """The catalog, the customers that changed, and the subscriptions where it is their time: scanned, or as logs name them."""
    yield from stigg.catalog(session.stigg)
    yield from stigg.changed_customers(session.stigg, state.cursor)
    if scan and session.environment.stigg.event_logs:
        yield from stigg.by_id(session.stigg, stigg.logged(session.stigg, state.scanned_at))
    elif scan:
        with connect_to_read(session.engine) as connection:
            known = stigg_cursors.living(connection, session.environment.name, stigg.LIVING)
        yield from stigg.subscriptions(session.stigg, state.scanned_at, known)


def unseen_in_stigg(session: Session, state: StiggRead, snapshot: Snapshot) -> list[str]:
    """The customers that changed though Stigg does not say so by their ``updatedAt``."""
    since = state.cursor - stigg.OVERLAP
    changed = [id for kind, id in snapshots.changed(session.engine, snapshot, ()) if kind == "customer"]
    with connect_to_read(session.engine) as connection:
        shown, _ = snapshots.touched(
            connection, session.environment.name, since=since, until=snapshot.upper_bound + stigg.OVERLAP
        )
    return sorted(id for id in changed if ("customer", id) not in shown)
