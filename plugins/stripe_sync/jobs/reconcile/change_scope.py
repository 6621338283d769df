"""Scope of a comparison: the changes since the comparison before, or everything.

Everything is compared at least once in ``full_sync_interval_hours``, as everything is read.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from stripe_sync.core.config import packaged
from stripe_sync.jobs.inputs.partitions import ComparisonContext, catalog_inputs, named
from stripe_sync.warehouse import manual_actions
from stripe_sync.warehouse.comparisons.comparisons import ComparisonResult
from stripe_sync.warehouse.json_text import dumps
from stripe_sync.warehouse.snapshots import changes
from stripe_sync.warehouse.snapshots.families import Members
from stripe_sync.warehouse.writes import journal


def inputs_of(context: ComparisonContext) -> str:
    """Return a hash of the inputs other than rows, links and time: settings, secrets, code and manual actions."""
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
    """Return the members whose partitions are compared again, none if nothing changed; None means everything."""
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
