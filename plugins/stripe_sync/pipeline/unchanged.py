"""Whether what was decided last still stands: nothing that decides has changed, and no moment has come that decides.

Everything is decided anew once in ``full_read_hours`` all the same, as everything is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import Connection

from stripe_sync import resources
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.settings import Environment
from stripe_sync.warehouse import hands, journal, links, runs
from stripe_sync.warehouse.comparisons import Made
from stripe_sync.warehouse.engine import dumps
from stripe_sync.warehouse.snapshots import Snapshot


def inputs_of(
    session: Session,
    run: Run,
    connection: Connection,
    pair: Sequence[Snapshot],
    left_out: Iterable[tuple[str, str, str]],
    exempt: Iterable[str],
) -> str:
    """A hash of everything that decides a comparison but the time: rows, links, settings, secret, code, people."""
    name = session.environment.name
    extracted = runs.result_in(connection, name, run.id, "extract_stripe") or {}
    inputs = [
        resources.version(),
        session.environment,
        session.signer.fingerprint(),
        [[snapshot.side, snapshot.content_id] for snapshot in pair],
        sorted(left_out),
        sorted(exempt),
        extracted.get("candidates", []),
        links.version(connection, name),
        hands.newest(connection, name),
        journal.first_write(connection, name),
    ]
    return hashlib.sha256(dumps(inputs).encode()).hexdigest()


def stands(made: Made, inputs: str, environment: Environment, run: Run) -> bool:
    """Whether a comparison of these inputs needs not be made again by a run."""
    if made.inputs != inputs or made.decided_at is None or run.params.get("full"):
        return False
    too_old = run.now - made.decided_at >= timedelta(hours=environment.full_read_hours)
    return not too_old and (made.wakes_at is None or run.now < made.wakes_at)
