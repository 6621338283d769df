"""Reads Stripe and closes it as a snapshot: all of it, or the objects that its events name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from stripe_sync.clients.stripe import account_objects
from stripe_sync.clients.stripe.test_clock import LATEST
from stripe_sync.core import keys
from stripe_sync.core.config import packaged
from stripe_sync.core.errors import AccountRefused
from stripe_sync.core.ownership import FIELD
from stripe_sync.jobs.extract import feed, ownership_links, stripe_account
from stripe_sync.jobs.extract.full_read import overdue
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.reconcile import ExtractedStripe, StripeCounts
from stripe_sync.jobs.runtime.step import step
from stripe_sync.warehouse import step_results
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.snapshots import snapshots, staging, stripe_events
from stripe_sync.warehouse.snapshots.snapshots import Snapshot
from stripe_sync.warehouse.snapshots.staging import StagedRow
from stripe_sync.warehouse.snapshots.stripe_events import Feed
from stripe_sync.warehouse.usage import usage_invoices
from stripe_sync.warehouse.writes import journal


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
        unseen = room.unseen(environment.name, account_objects.LISTS)
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
    to_read = {key for key in found.others | (found.ours - answers.keys()) if key[0] in account_objects.LISTS}
    rows = [StagedRow(kind, id, body) for (kind, id), body in answers.items() if (kind, id) not in to_read]
    for kind, id in sorted(to_read):
        row = account_objects.by_id(session.stripe, kind, id, tax=environment.stripe.tax)
        stripe_account.refuse_mode(kind, row.get("livemode", environment.live), live=environment.live)
        rows.append(StagedRow(kind, id, row))
    reads_invoices = found.drafts or is_any_unpaid(session, answers)
    if reads_invoices:
        rows = [row for row in rows if row[0] != "invoice"]
        rows += [StagedRow("invoice", row["id"], row) for row in account_objects.invoices(session.stripe)]
    snapshot = staging.close(
        session.engine,
        environment=name,
        side="stripe",
        run_id=run.id,
        kinds=stripe_account.KINDS,
        upper_bound=run.now,
        rows=rows,
        whole=("invoice",) if reads_invoices else (),
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
