"""Newest compared snapshots as inputs of a decision, for jobs that do not read both sides again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.jobs.inputs.partitions import ComparisonContext, catalog_inputs, context_of, family_inputs
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.comparisons import comparisons
from stripe_sync.warehouse.snapshots import families, snapshots
from stripe_sync.warehouse.snapshots.families import Members, Place


@dataclass(frozen=True)
class Latest:
    """The snapshots of the newest comparison, loaded by catalog or by related entities."""

    context: ComparisonContext

    @property
    def as_of(self) -> datetime:
        """Return the time of the older snapshot, UTC."""
        return min(self.context.place.stigg.upper_bound, self.context.place.stripe.upper_bound)

    def catalog(self) -> Inputs:
        """Return the catalog, without customers and subscriptions."""
        return catalog_inputs(self.context)

    def of(self, members: Members) -> Inputs:
        """Return the catalog and all entities related to these members."""
        found = families.whole(self.context.connection, self.context.place, members)
        return family_inputs(self.context, self.catalog(), found)[0]


def latest(session: Session, run: Run, connection: Connection) -> Latest | None:
    """Return the newest compared snapshots; None before the first comparison."""
    name = session.environment.name
    pair = comparisons.latest_pair(connection, name)
    if pair is None:
        return None
    stigg, stripe = (snapshots.get(session.engine, id) for id in pair[1:])
    return Latest(context_of(session, run, connection, Place(name, stigg, stripe), checked_by=pair[0]))
