"""Writes that are decided where they are made, and not by a plan: by the same executor, each with an intent and an outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from stripe_sync.apply.executor import Executor
from stripe_sync.apply.results import Step
from stripe_sync.domain.plan.actions import Action, Plan, ordered
from stripe_sync.domain.plan.guards import Decision, Verdict
from stripe_sync.jobs.inputs.links import known_to, registry_of
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.plans.plans import StoredPlan
from stripe_sync.warehouse.writes.leases import Lease


def told(session: Session, step: Step) -> None:
    """Says what became of an action."""
    action = step.action
    entity = ":".join(action.entity) if action.entity else ""
    sentence = f"  {step.result}: {action.sentence} {step.detail}".rstrip()
    session.progress(sentence, lane=action.lane, kind=action.kind, entity=entity, result=step.result)


def write(
    session: Session, run: Run, actions: Sequence[Action], lease: Lease, decisions: Mapping[str, Decision] | None = None
) -> list[Step]:
    """Makes actions of the lease's lane, all of them unless ``decisions`` says otherwise by hash."""
    if not actions:
        return []
    name = session.environment.name
    plan = Plan(environment=name, actions=ordered(actions))
    given = decisions or {}
    verdicts = [
        Verdict(group=a.group, lane=lease.lane, decision=given.get(a.hash, Decision.APPLY), actions=[a.hash], due_now=a.due_now,
                per_month={})
        for a in plan.actions
    ]  # fmt: skip
    with session.engine.connect() as connection:
        registry = registry_of(session, connection, known_to(session, connection, plan.actions))
    executor = Executor(
        engine=session.engine, api=session.stripe, registry=registry, environment=name, run_id=run.id,
        stored=StoredPlan(run.id, 0, run.now, plan, verdicts, {}), now=run.now, lanes=(lease.lane,), lease=lease,
        workers=session.environment.workers, settle_seconds=session.settle_seconds,
        progress=partial(told, session),
    )  # fmt: skip
    return executor.run()
