"""Statuses that earlier writes left: refused writes and open amounts keep their reasons in a new comparison."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection

from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.plan.owed import OwedKind
from stripe_sync.jobs.reconcile import after_end, owed
from stripe_sync.warehouse.comparisons import link_suggestions, links, statuses
from stripe_sync.warehouse.writes import owed as open_amounts
from stripe_sync.warehouse.writes.owed import OwedRow


def keep_results(connection: Connection, environment: str, run_id: str) -> None:
    """Set the statuses that refused writes and open amounts left, over those that the comparison decided.

    Reads the warehouse alone: the step apply asks Stripe whether an amount was settled meanwhile.
    """
    statuses.store(connection, environment, run_id, results_left(connection, environment))


def results_left(connection: Connection, environment: str) -> list[EntityStatus]:
    """Return the status of each entity that an earlier write left in error or with an open amount."""
    refused = statuses.refused(connection, environment)
    left = statuses_left(connection, environment)
    errors = {(s.kind, s.id) for s in refused}
    errors |= statuses.in_error(connection, environment, [(s.kind, s.id) for s in left]) if left else set()
    return [*refused, *unless_in_error(left, errors=errors)]


def unless_in_error(left: Iterable[EntityStatus], *, errors: set[tuple[str, str]]) -> list[EntityStatus]:
    """Return the statuses to set: an entity with nothing for a person to do keeps a reported error."""
    return [s for s in left if s.status is Status.PENDING or (s.kind, s.id) not in errors]


def statuses_left(connection: Connection, environment: str) -> list[EntityStatus]:
    """Return the status of each ended subscription with an open amount, from its rows as they were last seen."""
    rows = open_amounts.open_rows(connection, environment)
    if not rows:
        return []
    keys = {id: key for key, id in links.of_ids(connection, environment, {row.stripe_id for row in rows}).items()}
    exempt = link_suggestions.ignored(connection, environment)
    rows = [row for row in rows if row.stripe_id in keys and keys[row.stripe_id] not in exempt]
    renewed = [row for row in rows if row.owed.kind == OwedKind.SOLD_AFTER]
    others = [row for row in rows if row.owed.kind != OwedKind.SOLD_AFTER]
    after = [
        after_end.status_of(entity, id, " ".join(row.owed.sentence() for row in its))
        for (entity, id), its in by_subscription(renewed).items()
    ]
    return owed.together(after, owed.statuses_of(connection, environment, others, others))


def by_subscription(rows: Iterable[OwedRow]) -> dict[tuple[str, str], list[OwedRow]]:
    """Return the rows of each (Stigg id, Stripe id)."""
    found: dict[tuple[str, str], list[OwedRow]] = defaultdict(list)
    for row in rows:
        found[row.entity, row.stripe_id].append(row)
    return found
