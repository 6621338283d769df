"""Direct writes: actions without a plan, by the same executor, each with an intent and an outcome in the journal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from stripe_sync.apply.executor import Executor
from stripe_sync.apply.permits import Permits
from stripe_sync.apply.results import Step
from stripe_sync.domain.plan.actions import Action, ordered
from stripe_sync.jobs.inputs.links import known_to, link_index_of
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.writes.leases import Lease


def log_result(session: Session, step: Step) -> None:
    """Log the result of an action."""
    action = step.action
    entity = ":".join(action.entity) if action.entity else ""
    sentence = f"  {step.result}: {action.sentence} {step.detail}".rstrip()
    session.progress(sentence, lane=action.lane, kind=action.kind, entity=entity, result=step.result)


def write(
    session: Session, run: Run, actions: Sequence[Action], lease: Lease, permits: Permits | None = None
) -> list[Step]:
    """Write actions of the lease's lane and return their results in order; without ``permits`` all are permitted."""
    if not actions:
        return []
    with connect_to_read(session.engine) as connection:
        link_index = link_index_of(session, connection, known_to(session, connection, actions))
    executor = Executor(
        engine=session.engine,
        api=session.stripe,
        link_index=link_index,
        environment=session.environment.name,
        run_id=run.id,
        actions=ordered(actions),
        permits=permits or Permits.for_all(actions),
        now=run.now,
        lanes=(lease.lane,),
        lease=lease,
        workers=session.environment.workers,
        settle_seconds=session.settle_seconds,
        progress=partial(log_result, session),
    )
    return executor.run()
