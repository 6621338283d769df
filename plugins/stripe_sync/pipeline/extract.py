"""Full reads of both sides, each closed as a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from stripe_sync import keys
from stripe_sync.errors import AccountRefused
from stripe_sync.marker import FIELD
from stripe_sync.mirror import marks, stigg, stripe_account
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.station import Result, station
from stripe_sync.warehouse import links, snapshots
from stripe_sync.warehouse.snapshots import Landed, Snapshot


@station
def extract_stigg(session: Session, run: Run) -> Result:
    """A snapshot of everything in Stigg."""
    snapshot = snapshots.close(
        session.engine,
        environment=session.environment.name,
        side="stigg",
        run_id=run.id,
        kinds=stigg.KINDS,
        upper_bound=run.now,
        rows=stigg.read(session.stigg),
    )
    for kind, id in snapshot.with_nul:
        session.progress(f"  The {kind} {id} has a NUL in a text; it is replaced by U+FFFD: correct it in Stigg.")
    return described(snapshot) | {"with_nul": [list(key) for key in snapshot.with_nul]}


@station
def extract_stripe(session: Session, run: Run) -> Result:
    """A snapshot of everything in Stripe, and the links that marks in it prove."""
    name = session.environment.name
    with session.engine.connect() as connection:
        known, unlinked = links.all_of(connection, name), links.unlinked(connection, name)
    linked = [(key.partition(":")[0], id) for key, id in known.items()]
    marked: dict[str, dict[str, Any]] = {}
    read = stripe_account.read(
        session.stripe, live=session.environment.live, upper_bound=run.now, linked=linked, tax=session.environment.tax
    )
    snapshot = snapshots.close(
        session.engine,
        environment=name,
        side="stripe",
        run_id=run.id,
        kinds=stripe_account.KINDS,
        upper_bound=run.now,
        rows=watched(session, read, marked),
    )
    proofs, candidates = marks.proven(marked.values(), session.signer, known, unlinked)
    own = [(key, id) for key, id in proofs if key.split(":")[1] == keys.part(name)]
    links.add_all(session.engine, name, own, source="marker")
    return described(snapshot) | {"links_from_marks": len(own), "candidates": candidates}


def watched(session: Session, rows: Iterable[Landed], marked: dict[str, dict[str, Any]]) -> Iterator[Landed]:
    """The rows as they are; those with a mark are remembered. Strangers' marks end the extract before it is landed."""
    for kind, id, row in rows:
        if FIELD in (row.get("metadata") or {}):
            marked[id] = row
        yield kind, id, row
    refuse_strangers(session, marked.values())


def refuse_strangers(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """Raises AccountRefused where most marks in the account are not of this environment and its secret.

    A new name or a lost secret would else make everything a second time. A few strange marks are a person's copies, and
    prove nothing.
    """
    environment = session.environment
    own, others = marks.strangers(rows, session.signer, keys.part(environment.name))
    if others > own and not environment.shares_account:
        raise AccountRefused(
            f"{others} objects of {environment.stripe_account} carry marks that {environment.name} did not make with the "
            f"secret of the connection {environment.secret_id()}, and {own} that it did. Was the environment renamed, or its "
            f"secret lost? Restore either; an old secret may stand in the connection's extra, under accepted."
        )


def described(snapshot: Snapshot) -> Result:
    return {"snapshot": snapshot.id, "content": snapshot.content_id, "counts": snapshot.counts}
