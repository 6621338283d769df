"""Verify a sample of the writes: read the objects back by id and compare them with their targets.

Every write was already compared with its answer; reading back finds an answer that differs from the stored object.
"""

from __future__ import annotations

from stripe_sync.apply.resource import Call
from stripe_sync.apply.resources.table import HANDLERS
from stripe_sync.domain.plan.actions import ActionKind
from stripe_sync.jobs.inputs.links import known_to, link_index_of
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.reconcile import ProofCounts, Verified
from stripe_sync.jobs.runtime.step import step
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.plans import plans
from stripe_sync.warehouse.writes import journal

SAMPLE = 5


@step(Verified)
def verify(session: Session, run: Run) -> Verified:
    """Read back some of the run's writes; return those that differ from their targets."""
    name = session.environment.name
    stored = plans.of_run(session.engine, name, run.id)
    done = {
        hash for hash, outcome in journal.concluded(session.engine, name, run.id).items() if outcome.result == "done"
    }
    made = [a for a in stored.plan.actions if a.hash in done and a.kind != ActionKind.COUPON_DELETE] if stored else []
    sample = sorted(made, key=lambda a: a.hash)[:SAMPLE]
    with connect_to_read(session.engine) as connection:
        link_index = link_index_of(session, connection, known_to(session, connection, sample) if sample else {})
        open_intents = journal.open_of_run(connection, name, run.id)
    wrong = []
    for action in sample:
        resource, call = HANDLERS[action.kind].resource, Call(session.stripe, action, link_index)
        fields = resource.differences(call, resource.read(call))
        if fields:
            wrong.append(f"{action.target}: {', '.join(fields)}")
    summary = ProofCounts(written=len(done), read_back=len(sample), open_intents=open_intents)
    return Verified(wrong=wrong, summary=summary)
