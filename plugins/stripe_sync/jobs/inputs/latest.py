"""The newest mirrors that were compared, as the inputs of a decision: for what does not read both sides anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.jobs.inputs.partitions import Around, around_of, catalog_inputs, family_inputs
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.comparisons import comparisons
from stripe_sync.warehouse.snapshots import families, snapshots
from stripe_sync.warehouse.snapshots.families import Members, Place


@dataclass(frozen=True)
class Latest:
    """The mirrors of the newest comparison, to be asked of the catalog or of some families."""

    around: Around

    @property
    def as_of(self) -> datetime:
        """The moment of the older mirror, UTC."""
        return min(self.around.place.stigg.upper_bound, self.around.place.stripe.upper_bound)

    def catalog(self) -> Inputs:
        """The catalog alone, nobody's subscriptions."""
        return catalog_inputs(self.around)

    def of(self, members: Members) -> Inputs:
        """The catalog, and the whole families of these members."""
        found = families.whole(self.around.connection, self.around.place, members)
        return family_inputs(self.around, self.catalog(), found)[0]


def latest(session: Session, run: Run, connection: Connection) -> Latest | None:
    """The newest mirrors that were compared; None before the first comparison."""
    name = session.environment.name
    pair = comparisons.latest_pair(connection, name)
    if pair is None:
        return None
    stigg, stripe = (snapshots.get(session.engine, id) for id in pair[1:])
    return Latest(around_of(session, run, connection, Place(name, stigg, stripe), checked_by=pair[0]))
