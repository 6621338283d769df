"""Writes of the usage job: by the same executor, under the lane's own lease, each with an intent and an outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from stripe_sync import keys
from stripe_sync.apply.executor import Executor, Step
from stripe_sync.pipeline.registry import registry_of
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.plan.actions import USAGE, Action, Plan, ordered
from stripe_sync.plan.guards import Decision, Verdict
from stripe_sync.warehouse import leases, links
from stripe_sync.warehouse.leases import Lease
from stripe_sync.warehouse.plans import StoredPlan


def may_write(session: Session, run: Run, observed: str) -> bool:
    """Whether anything may be written at all; holding is allowed in every mode but observe (BILLING 9)."""
    return not observed and run.narrowed(session.environment).mode(USAGE) != "observe"


def entity_of(session: Session, subscription: str) -> tuple[str, str]:
    """The Stigg subscription of a Stripe subscription."""
    with session.engine.connect() as connection:
        key = links.key_of(connection, session.environment.name, subscription)
    return keys.entity_of(key) if key else ("subscription", subscription)


def leased(session: Session, run: Run) -> AbstractContextManager[Lease]:
    """The right to write lines: what is written is read and decided under it, so that two runs cannot both add a line."""
    return leases.held(session.engine, session.environment.name, USAGE, holder=run.id)


def write(
    session: Session, run: Run, actions: Sequence[Action], lease: Lease, decisions: Mapping[str, Decision] | None = None
) -> list[Step]:
    """Makes actions, all of them unless ``decisions`` says otherwise by hash."""
    if not actions:
        return []
    name = session.environment.name
    plan = Plan(environment=name, actions=ordered(actions))
    given = decisions or {}
    verdicts = [
        Verdict(group=a.group, lane=USAGE, decision=given.get(a.hash, "apply"), actions=[a.hash], due_now=a.due_now,
                per_month={})
        for a in plan.actions
    ]  # fmt: skip
    with session.engine.connect() as connection:
        registry = registry_of(session, connection)
    executor = Executor(
        engine=session.engine, api=session.stripe, registry=registry, environment=name, run_id=run.id,
        stored=StoredPlan(run.id, 0, run.now, plan, verdicts, {}), now=run.now, lanes=(USAGE,), lease=lease,
        workers=session.environment.workers, settle_seconds=session.settle_seconds,
        progress=lambda step: session.progress(f"  {step.result}: {step.action.sentence} {step.detail}".rstrip()),
    )  # fmt: skip
    return executor.run()
