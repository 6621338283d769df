"""The newest mirrors that were compared, as the inputs of a decision: for what does not read both sides anew."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from stripe_sync.desired.inputs import Inputs, Links
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.views import ALL, every, stigg_view, stripe_view, without
from stripe_sync.warehouse import comparisons, links, runs, snapshots


def latest(
    session: Session, run: Run, connection: Connection, kinds: Collection[str] = ALL
) -> tuple[Inputs, datetime] | None:
    """(inputs, as of when) with the entities and objects of these kinds; None before the first comparison."""
    name = session.environment.name
    pair = comparisons.latest_pair(connection, name)
    if pair is None:
        return None
    stigg, stripe = (snapshots.get(session.engine, id) for id in pair[1:])
    checked = runs.result_in(connection, name, pair[0], "check_mirrors") or {}
    left_out = [(row[0], row[1], row[2]) for row in checked.get("quarantined", ())]
    known = links.all_of(connection, name)
    there, unreadable = stripe_view(every(connection, stripe, kinds), {id: key for key, id in known.items()})
    entities = without(stigg_view(every(connection, stigg, kinds), left_out), unreadable)
    inputs = Inputs(session.environment, entities, there, Links(known), session.signer, run.now)
    return inputs, min(stigg.upper_bound, stripe.upper_bound)
