"""Reads of both sides, each closed as a snapshot: Stigg whole, Stripe whole or by what its events name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from stripe_sync.clients.stripe.test_clock import LATEST
from stripe_sync.core import keys
from stripe_sync.core.config import packaged
from stripe_sync.core.errors import AccountRefused
from stripe_sync.core.ownership import FIELD
from stripe_sync.jobs.extract import feed, ownership_links, stigg, stripe_account
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.reconcile import ExtractedStigg, ExtractedStripe, StiggCounts, StripeCounts
from stripe_sync.jobs.runtime.step import step
from stripe_sync.warehouse import step_results
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.snapshots import snapshots, staging, stigg_cursors, stripe_events
from stripe_sync.warehouse.snapshots.snapshots import Snapshot
from stripe_sync.warehouse.snapshots.staging import StagedRow
from stripe_sync.warehouse.snapshots.stigg_cursors import StiggRead
from stripe_sync.warehouse.snapshots.stripe_events import Feed
from stripe_sync.warehouse.usage import usage_invoices
from stripe_sync.warehouse.writes import journal


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


def overdue(run: Run, audited_at: datetime, *, hours: int) -> str:
    """Return that a side was read whole so many hours ago, or an empty text."""
    if run.now - audited_at >= timedelta(hours=hours):
        return f"{hours} hours have passed since the last time (full_sync_interval_hours)"
    return ""


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


@step(ExtractedStripe)
def extract_stripe(session: Session, run: Run) -> ExtractedStripe:
    """Take a snapshot of Stripe, in full or by its events, and record the links that ownership markers verify."""
    name = session.environment.name
    state = stripe_events.find(session.engine, name)
    why = full_because(session, run, state)
    if why or state is None:
        session.progress(f"  everything is read: {why}")
        result = read_whole(session, run, state)
    else:
        result = read_changes(session, run, state)
    return record_marker_links(session, result)


def record_marker_links(session: Session, read: ExtractedStripe) -> ExtractedStripe:
    """Record the links that markers prove; return the result with their number and with what a person has to say.

    Of the same rows and links they prove what they proved the last time.
    """
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        before = step_results.newest(connection, name, ExtractedStripe)
        if before is not None and before.proven_by == proven_by(session, connection, read.content):
            return replace(read, candidates=before.candidates, proven_by=before.proven_by)
    added, suggestions = 0, []
    for rows in snapshots.unlinked_markers(session.engine, name, FIELD):
        with connect_to_read(session.engine) as connection:
            verified_keys = {key for row in rows if (key := session.signer.key_of(row.mark))}
            known = links.of_keys(connection, name, verified_keys)
            known |= links.of_ids(connection, name, {row.id for row in rows})
            proofs, uncertain = ownership_links.proven(rows, session.signer, known, links.unlinked(connection, name))
        own = [(key, id) for key, id in proofs if keys.LinkKey.parse(key).environment == keys.part(name)]
        added += links.add_all(session.engine, name, own, source="marker")
        suggestions += uncertain
    with connect_to_read(session.engine) as connection:
        by = proven_by(session, connection, read.content)
    counts = replace(read.summary, links_from_marks=added)
    return replace(read, candidates=suggestions, proven_by=by, summary=counts)


def proven_by(session: Session, connection: Connection, content: int) -> list[int | str]:
    """Return the grounds of the markers' proof, the same as long as rows, links, secrets and code are."""
    version = links.version(connection, session.environment.name)
    return [content, *version, session.signer.fingerprint(), packaged.version()]


def full_because(session: Session, run: Run, state: Feed | None) -> str:
    """Why everything is read and not what changed, or an empty text."""
    environment = session.environment
    if not environment.reads_events():
        return "events are not read (stripe.feed is off, or a test clock is set)"
    if run.params.full:
        return "a full read was requested"
    if state is None:
        return "it is the first read"
    if state.of_what != of_what(session):
        return "the account or the fields that are read have changed"
    if run.now - state.cursor > feed.REACH:
        return f"the feed was last read at {state.cursor:%Y-%m-%d %H:%M} UTC, and Stripe keeps 30 days"
    return overdue(run, state.audited_at, hours=environment.full_sync_interval_hours)


def of_what(session: Session) -> str:
    return f"{session.environment.stripe_account}, tax {session.environment.stripe.tax}"


def read_whole(session: Session, run: Run, state: Feed | None) -> ExtractedStripe:
    """Read everything, and count how many changes the feed would not have shown since it was read last."""
    environment = session.environment
    seen = events_since(session, state) if state is not None and environment.reads_events() else None
    with staging.room(session.engine, environment.name, run.id) as room:
        finished = room.finished()
        if finished:
            session.progress(f"  {sum(map(len, finished.values()))} ranges were read before; they are not read again")
        room.take(
            stripe_account.read(
                session.stripe,
                live=environment.live,
                upper_bound=LATEST if environment.stripe.test_clock else run.now,
                tax=environment.stripe.tax,
                readers=environment.stripe.readers,
                finished=finished,
            )
        )
        # Absence from a list is not deletion (invariant 5): what is linked is read by its id.
        unseen = room.unseen(environment.name, stripe_account.LISTS)
        room.add(stripe_account.named(session.stripe, unseen, tax=environment.stripe.tax))
        markers = ownership_links.MarkerCount(session.signer, keys.part(environment.name))
        require_own_markers(session, markers.count(room.ownership_markers(FIELD)))
        snapshot = room.close(
            environment=environment.name,
            side="stripe",
            run_id=run.id,
            kinds=stripe_account.KINDS,
            upper_bound=run.now,
        )
    answers = stripe_events.answers(session.engine, environment.name)
    missed = missed_by(session, seen, snapshot, answers) if seen is not None else []
    if missed:
        session.progress(f"  the events feed had missed {len(missed)} changes, such as {missed[0][1]}")
    with session.engine.begin() as connection:
        stripe_events.begin(connection, environment.name, of_what(session), now=run.now)
        stripe_events.forget_answers(connection, environment.name, answers)
    return extracted(snapshot, StripeCounts(counts=snapshot.counts, whole=1, missed=len(missed)))


def events_since(session: Session, state: Feed) -> feed.Changes:
    """Return the objects that the events since the last read name."""
    events = list(feed.listed(session.stripe, state.cursor))
    new = stripe_events.unseen(session.engine, session.environment.name, (event.id for event in events))
    own = f"stripe_sync-{journal.warehouse_id(session.engine)}-"
    return feed.changes(events, new=new, own=own)


def missed_by(
    session: Session, seen: feed.Changes, snapshot: Snapshot, answers: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the objects that changed without an event and not by our own writes, sorted."""
    known = seen.others | seen.ours | set(answers)
    changed = snapshots.changed(session.engine, snapshot, feed.NOISE)
    return sorted(key for key in changed - known if key[0] != "invoice")


def read_changes(session: Session, run: Run, state: Feed) -> ExtractedStripe:
    """Read what events name, by id; our own last answers as they were given."""
    name, environment = session.environment.name, session.environment
    found = events_since(session, state)
    answers = stripe_events.answers(session.engine, name)
    to_read = {key for key in found.others | (found.ours - answers.keys()) if key[0] in stripe_account.LISTS}
    rows: list[StagedRow] = [(kind, id, body) for (kind, id), body in answers.items() if (kind, id) not in to_read]
    for kind, id in sorted(to_read):
        row = stripe_account.by_id(session.stripe, kind, id, tax=environment.stripe.tax)
        stripe_account.refuse_mode(kind, row, live=environment.live)
        rows.append((kind, id, row))
    anew = found.drafts or is_any_unpaid(session, answers)
    if anew:
        rows = [row for row in rows if row[0] != "invoice"]
        rows += [("invoice", row["id"], row) for row in stripe_account.invoices(session.stripe)]
    snapshot = staging.close(
        session.engine,
        environment=name,
        side="stripe",
        run_id=run.id,
        kinds=stripe_account.KINDS,
        upper_bound=run.now,
        rows=rows,
        whole=("invoice",) if anew else (),
    )
    with session.engine.begin() as connection:
        stripe_events.saw(connection, name, found.events)
        usage_invoices.request_refresh(connection, name, found.taken_back)
        stripe_events.advance(connection, name, now=run.now, forget_before=run.now - 2 * feed.OVERLAP)
        stripe_events.forget_answers(connection, name, answers)
    summary = StripeCounts(counts=snapshot.counts, whole=0, events=len(found.events), read=len(to_read))
    return extracted(snapshot, summary)


def is_any_unpaid(session: Session, answers: Iterable[tuple[str, str]]) -> bool:
    """Return whether a payment of a creation or a change was not yet made when it was read: its outcome is a later event."""
    with connect_to_read(session.engine) as connection:
        return any(kind == "invoice" for kind, _ in answers) or snapshots.has_unpaid(
            connection, session.environment.name
        )


def require_own_markers(session: Session, found: ownership_links.MarkerCount) -> None:
    """Raise AccountRefused where most ownership markers in the account are not of this environment and its secret.

    Otherwise a renamed environment or a replaced secret would create every object a second time. A few foreign markers are
    copies that a person made.
    """
    environment = session.environment
    if found.others > found.own and not environment.stripe.allow_shared_account:
        raise AccountRefused(
            f"{found.others} objects in {environment.stripe_account} have an ownership marker that connection "
            f"{environment.secret_id()} of {environment.name} cannot verify; {found.own} can be verified. The environment was "
            f"renamed or its secret was replaced. Restore the name, or add the old secret to the connection's extra, under "
            f"accepted."
        )


def extracted(snapshot: Snapshot, summary: StripeCounts) -> ExtractedStripe:
    """Return the result of a read, without the links that markers prove."""
    return ExtractedStripe(snapshot=snapshot.id, content=snapshot.content_id, summary=summary)
