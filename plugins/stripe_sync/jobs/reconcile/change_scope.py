"""How far a comparison has to decide anew: what changed since the one before, or everything.

Everything is decided once in ``full_sync_interval_hours`` all the same, as everything is read.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from stripe_sync.core.config import packaged
from stripe_sync.jobs.inputs.partitions import ComparisonContext, catalog_inputs, named
from stripe_sync.warehouse import manual_actions
from stripe_sync.warehouse.comparisons.comparisons import ComparisonResult
from stripe_sync.warehouse.engine import dumps
from stripe_sync.warehouse.snapshots import changes
from stripe_sync.warehouse.snapshots.families import Members
from stripe_sync.warehouse.writes import journal


def inputs_of(context: ComparisonContext) -> str:
    """A hash of what decides everything, besides rows, links and the time: settings, secret, code, what people did."""
    inputs = [
        packaged.version(),
        context.session.environment,
        context.session.signer.fingerprint(),
        sorted(context.left_out),
        sorted(context.exempt),
        sorted(context.copied),
        manual_actions.newest(context.connection, context.place.environment),
        journal.first_write(context.connection, context.place.environment),
    ]
    return hashlib.sha256(dumps(inputs).encode()).hexdigest()


def of(context: ComparisonContext, before: tuple[int, ComparisonResult] | None, inputs: str) -> Members | None:
    """Whose families are decided anew, nobody's if nothing changed; None for everything."""
    run, connection, name = context.run, context.connection, context.place.environment
    if before is None or before[1].inputs != inputs or before[1].decided_at is None or run.params.full:
        return None
    if run.now - before[1].decided_at >= timedelta(hours=context.session.environment.full_sync_interval_hours):
        return None
    if not changes.sees(connection, before[0]):
        return None
    try:
        found = changes.changes(connection, context.place, before[0])
        waiting = changes.waiting(connection, name, run.now)
    except changes.TooMany:
        return None
    if found.things and not found.things.isdisjoint(named(catalog_inputs(context).stigg)):
        return None
    found.members.take(waiting)
    return found.members
