"""Compares two snapshots: documents of both sides, what differs, in sentences and money, and everybody's status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import Connection, text

from stripe_sync.desired.inputs import Desired, Inputs, Links
from stripe_sync.desired.state import desired
from stripe_sync.drift.amounts import PriceBook
from stripe_sync.drift.rows import by_object, rows
from stripe_sync.errors import Incomplete
from stripe_sync.model.documents import CUSTOMER, PRODUCT, SUBSCRIPTION, Claim, Difference
from stripe_sync.model.status import EntityStatus, Reason, Status
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.station import Result, station
from stripe_sync.pipeline.views import stigg_view, stripe_view, without
from stripe_sync.warehouse import comparisons, links, runs, snapshots, statuses
from stripe_sync.warehouse.engine import dumps
from stripe_sync.warehouse.snapshots import Snapshot

STALE = timedelta(hours=1)


@station
def compare(session: Session, run: Run, *, stigg: int, stripe: int) -> Result:
    """The comparison of two complete snapshots, in one REPEATABLE READ transaction.

    Rows that the run's ``check_mirrors`` quarantined are left out.
    """
    pair = [snapshots.get(session.engine, id) for id in (stigg, stripe)]
    for snapshot in pair:
        require_fit(snapshot, session.environment.name, run)
    checked = runs.result(session.engine, session.environment.name, run.id, "check_mirrors") or {}
    left_out = [(row[0], row[1], row[2]) for row in checked.get("quarantined", ())]
    repeatable = session.engine.execution_options(isolation_level="REPEATABLE READ")
    with repeatable.begin() as connection:
        wanted = decide(session, run, connection, pair, left_out)
        comparison = comparisons.begin(connection, run.id, pair[0], pair[1])
        comparisons.store(connection, comparison, "wanted", wanted.wanted)
        comparisons.store(connection, comparison, "found", wanted.found)
        found = comparisons.differences(connection, comparison)
        drift = rows(found, PriceBook.of([*wanted.wanted, *wanted.found]))
        differing = by_object(drift)
        counts = dict(sorted(Counter(fields[0].kind for fields in differing).items()))
        connection.execute(
            text("update comparison set counts = cast(:c as jsonb) where id = :id"),
            {"c": dumps(counts), "id": comparison},
        )
        comparisons.store_drift(connection, comparison, drift)
        statuses.store(connection, session.environment.name, run.id, judged(wanted, found))
        statuses.forget_others(connection, session.environment.name, run.id)
    return {"comparison": comparison, "differences": len(differing), "drift_by_kind": counts}


def require_fit(snapshot: Snapshot, environment: str, run: Run) -> None:
    """Raises Incomplete for a snapshot that is partial, stale, or of another environment."""
    if not snapshot.complete or snapshot.environment != environment:
        raise Incomplete(f"The snapshot {snapshot.id} is not a complete one of {environment}; extract again.")
    if run.now - snapshot.upper_bound > STALE:
        raise Incomplete(f"The snapshot {snapshot.id} is of {snapshot.upper_bound:%Y-%m-%d %H:%M} UTC; extract again.")


def decide(
    session: Session,
    run: Run,
    connection: Connection,
    pair: Sequence[Snapshot],
    left_out: Iterable[tuple[str, str, str]],
) -> Desired:
    """The desired state from the two snapshots and the links as they are."""
    known = links.all_of(connection, session.environment.name)
    stripe, unreadable = stripe_view(connection, pair[1], {id: key for key, id in known.items()})
    stigg = without(stigg_view(connection, pair[0], left_out), unreadable)
    return desired(Inputs(session.environment, stigg, stripe, Links(known), session.signer, run.now))


def judged(wanted: Desired, differences: Iterable[Difference]) -> list[EntityStatus]:
    """Everybody's status: an entity that waits for a write and has no difference is a success."""
    differing = {d.entity for d in differences if d.entity}
    main = {claim.entity: claim.stripe_id for claim in own_ids(wanted)}
    result = []
    for status in wanted.statuses.values():
        entity = (status.kind, status.id)
        stripe_id = status.stripe_id or main.get(entity)
        settled = status.reason is Reason.WAITS_FOR_WRITE and entity not in differing
        result.append(
            EntityStatus(
                status.kind,
                status.id,
                Status.SUCCESS if settled else status.status,
                Reason.NONE if settled else status.reason,
                status.detail,
                stripe_id,
            )
        )
    return result


def own_ids(wanted: Desired) -> Iterable[Claim]:
    """The found claims that are an entity's own object, with the entity: what Stigg calls its billing id."""
    owners = {claim.key: claim.entity for claim in wanted.wanted}
    for claim in wanted.found:
        entity = owners.get(claim.key)
        package = claim.kind == PRODUCT and claim.key.count(":") == 3
        if entity and (package or claim.kind in (CUSTOMER, SUBSCRIPTION)):
            yield Claim(claim.kind, claim.key, claim.document, entity, claim.stripe_id)
