"""Compares two snapshots: documents of both sides, what differs, in sentences and money, and everybody's status."""

from __future__ import annotations

from datetime import timedelta

from stripe_sync.core.errors import Incomplete
from stripe_sync.jobs.inputs.partitions import context_of
from stripe_sync.jobs.reconcile import change_scope
from stripe_sync.jobs.reconcile.comparison_builder import Comparing
from stripe_sync.jobs.reconcile.earlier_results import keep_results
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.reconcile import Compared, ComparisonCounts
from stripe_sync.jobs.runtime.step import step
from stripe_sync.warehouse.comparisons import comparisons
from stripe_sync.warehouse.comparisons.comparisons import ComparisonResult
from stripe_sync.warehouse.engine import one_at_a_time
from stripe_sync.warehouse.snapshots import families, snapshots
from stripe_sync.warehouse.snapshots.families import Place
from stripe_sync.warehouse.snapshots.snapshots import Snapshot

STALE = timedelta(hours=1)


@step(Compared)
def compare(session: Session, run: Run, *, stigg: int, stripe: int) -> Compared:
    """Compare two complete snapshots, in one REPEATABLE READ transaction.

    The partitions with changes since the comparison before are compared again, or everything; all other differences are
    carried forward. Rows that the run's ``check_mirrors`` quarantined are left out.
    """
    name = session.environment.name
    pair = [snapshots.get(session.engine, id) for id in (stigg, stripe)]
    for snapshot in pair:
        require_fit(snapshot, name, run)
    repeatable = session.engine.execution_options(isolation_level="REPEATABLE READ")
    with one_at_a_time(session.engine, f"compare {name}"), repeatable.begin() as connection:
        context = context_of(session, run, connection, Place(name, *pair), checked_by=run.id)
        inputs = change_scope.inputs_of(context)
        before = comparisons.newest(connection, name)
        changed = change_scope.of(context, before, inputs)
        comparison = comparisons.begin(connection, run.id, *pair)
        families.begin(connection)
        work = Comparing(context, comparison)
        if changed is None:
            work.everything()
        elif before is not None:
            work.affected(changed, since=before[0])
            comparisons.carry_forward_statuses(connection, before[0], environment=name, run_id=run.id)
        keep_results(connection, name, run.id)
        stands = changed is not None and not changed
        counts = before[1].counts if before and stands else comparisons.counts(connection, comparison)
        since = run.now if changed is None or before is None else before[1].decided_at
        comparisons.conclude(connection, comparison, ComparisonResult(counts, inputs, since))
    summary = ComparisonCounts(differences=sum(counts.values()), drift_by_kind=counts, decided=work.decided)
    return Compared(comparison=comparison, everything=changed is None, summary=summary)


def require_fit(snapshot: Snapshot, environment: str, run: Run) -> None:
    """Raises Incomplete for a snapshot that is partial, stale, or of another environment."""
    if not snapshot.complete or snapshot.environment != environment:
        raise Incomplete(f"The snapshot {snapshot.id} is not a complete one of {environment}; extract again.")
    if run.now - snapshot.upper_bound > STALE:
        raise Incomplete(f"The snapshot {snapshot.id} is of {snapshot.upper_bound:%Y-%m-%d %H:%M} UTC; extract again.")
