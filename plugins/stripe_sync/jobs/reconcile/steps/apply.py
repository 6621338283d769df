"""Applies the plan of a run, or a plan by its hash, and says of every entity what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

from stripe_sync.apply.executor import Executor
from stripe_sync.apply.links import LinkIndex
from stripe_sync.apply.permits import Permits
from stripe_sync.apply.previews import ExpectedAmounts
from stripe_sync.apply.results import Step
from stripe_sync.apply.settling import waiting_steps
from stripe_sync.core.errors import ConfigurationError, StalePlan
from stripe_sync.core.lanes import Lane, Mode
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.plan.actions import ActionKind
from stripe_sync.domain.plan.declines import may_charge
from stripe_sync.domain.plan.guards import Decision
from stripe_sync.jobs.inputs.direct_writes import log_result
from stripe_sync.jobs.inputs.links import known_to, link_index_of
from stripe_sync.jobs.reconcile.after_end import after_end_rows
from stripe_sync.jobs.reconcile.owed import owed_rows, together
from stripe_sync.jobs.reconcile.steps.plan import by_lane, evaluate_plan
from stripe_sync.jobs.reconcile.write_back import write_back
from stripe_sync.jobs.runtime.account import check_account
from stripe_sync.jobs.runtime.approvals import approved_amounts
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.reconcile import Applied, Planned, Preflight, WriteCounts
from stripe_sync.jobs.runtime.step import find_result, step
from stripe_sync.warehouse.comparisons import statuses
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.plans import approvals, failures, plans
from stripe_sync.warehouse.plans.plans import StoredPlan
from stripe_sync.warehouse.writes import journal

# An entity's status when several actions are about it: the worst result counts.
REMOVING_ACTIONS = (ActionKind.PRODUCT_RETIRE, ActionKind.COUPON_DELETE, ActionKind.PRICE_RETIRE)
ANSWERED = frozenset({"product", "price", "coupon", "customer", "subscription"})
WORST = ("done", "waiting", "blocked", "dropped", "paused", "unknown", "refused")


@step(Applied)
def apply(session: Session, run: Run) -> Applied:
    """Apply the actions that the guards permit, under leases. Raises StalePlan for a plan that is too old."""
    name = session.environment.name
    stored = plans.of_run(session.engine, name, run.id)
    if stored is None:
        raise ConfigurationError(f"The run {run.id} of {name} has no plan; plan first.")
    require_fresh(session, stored)
    with connect_to_read(session.engine) as connection:
        idle = not stored.plan.actions and journal.is_settled(connection, name)
        known = {} if idle else known_to(session, connection, stored.plan.actions)
        link_index = link_index_of(session, connection, known)
    stored = evaluate_again(session, run, stored)
    if not idle:  # a write of an earlier run may be sent again although no group of this plan is applied
        check_account(session)
    executor = Executor(
        engine=session.engine,
        api=session.stripe,
        link_index=link_index,
        environment=name,
        run_id=run.id,
        actions=stored.plan.actions,
        permits=Permits.of_groups(stored.guard_results),
        workers=session.environment.workers,
        settle_seconds=session.settle_seconds,
        now=run.now,
        keep_answers=kept_answers(session),
        quarantined=failures.quarantined(session.engine, name, now=run.now),
        is_approved=bool(run.params.approval),
        amounts=expected_amounts(session, run, stored),
        observed=observed_lanes(session, run),
        progress=partial(log_result, session),
    )
    steps = executor.run()
    steps += waiting_steps(executor)
    by_stigg = [] if observed_reason(session, run) else write_back(session, run)
    waiting = together(after_end_rows(session, run), owed_rows(session, run))
    counts: Counter[str] = Counter(step.result for step in steps)
    with session.engine.begin() as connection:
        requested = approvals.settled(connection, name, now=run.now, remember=timedelta(0))
        of_steps = not_paid(after(steps, link_index, requested), steps, statuses.unpaid(connection, name))
        errors = statuses.in_error(connection, name, [(s.kind, s.id) for s in waiting]) if waiting else set()
        statuses.store(connection, name, run.id, unless_settled(of_steps, waiting, errors=errors))
        if run.params.approval and not is_of_usage(session, run.params.approval):
            approvals.applied(connection, name, run.params.approval, counts)
    made = Counter(step.action.kind for step in [*steps, *by_stigg] if step.result == "done")
    summary = WriteCounts(results=dict(sorted(counts.items())), made=dict(sorted(made.items())))
    return Applied(unverified=[step.action.hash for step in steps if step.unverified], summary=summary)


def expected_amounts(session: Session, run: Run, stored: StoredPlan) -> ExpectedAmounts:
    """Return the amounts that writes may invoice at once: as a person approved them, or as this run planned them."""
    if run.params.approval and not is_of_usage(session, run.params.approval):
        return approved_amounts(session, run.params.approval)
    return ExpectedAmounts(age=(session.clock.now() - stored.planned_at).total_seconds())


def observed_reason(session: Session, run: Run) -> str:
    """Return the reason why all lanes are limited to observe mode, as the run found it; empty where there is none."""
    preflight = find_result(session, run, Preflight)
    return preflight.held_at_observe if preflight else ""


def observed_lanes(session: Session, run: Run) -> dict[Lane, str]:
    """Return the lanes that write nothing in this run, each with the reason."""
    if why := observed_reason(session, run):
        return dict.fromkeys(Lane, why)
    environment = run.narrowed(session.environment)
    lanes = (lane for lane in Lane if environment.mode(lane) == Mode.OBSERVE)
    return {lane: f"Lane {lane} is in observe mode (modes.{lane})." for lane in lanes}


def unless_settled(
    made: list[EntityStatus], waiting: list[EntityStatus], *, errors: Collection[tuple[str, str]]
) -> list[EntityStatus]:
    """Return the statuses of a run: what waits counts last, but what is settled hides no reported problem.

    By a write just now, or by the comparison (``errors``, (kind, id)) about what this run did not write.
    """
    reported = {(s.kind, s.id) for s in made if s.status in (Status.PENDING, Status.ERROR)}
    reported |= set(errors) - {(s.kind, s.id) for s in made}
    return [*made, *(s for s in waiting if s.status is Status.PENDING or (s.kind, s.id) not in reported)]


def is_of_usage(session: Session, approval: str) -> bool:
    """Return whether an approval is about lines of drafts, which the next run of the usage job writes."""
    found = approvals.find(session.engine, session.environment.name, approval)
    return found is not None and found.request.lane == Lane.USAGE


def kept_answers(session: Session) -> frozenset[str]:
    """The kinds whose answers are as whole as a read; with tax on, a customer's is not."""
    if not session.environment.reads_events():
        return frozenset()
    return ANSWERED - {"customer"} if session.environment.stripe.tax else ANSWERED


def evaluate_again(session: Session, run: Run, stored: StoredPlan) -> StoredPlan:
    """The plan under the guards as they are now: what they have come to refuse since it was made is not made."""
    planned = find_result(session, run, Planned)
    deferred = by_lane(planned.beyond if planned else {})
    now = evaluate_plan(session, run, stored.plan, observed_reason(session, run), deferred)
    stricter = [
        new if old.decision == Decision.APPLY else old for old, new in zip(stored.guard_results, now, strict=True)
    ]
    return replace(stored, guard_results=stricter)


def require_fresh(session: Session, stored: StoredPlan) -> None:
    """Raise StalePlan where the plan is too old: it is planned again instead."""
    limit = timedelta(minutes=session.environment.plan_max_age_minutes)
    if session.clock.now() - stored.planned_at > limit:
        raise StalePlan(
            f"The plan {stored.plan.hash} was made at {stored.planned_at:%Y-%m-%d %H:%M} UTC and may be applied for "
            f"{session.environment.plan_max_age_minutes} minutes; plan again."
        )


def not_paid(
    found: Iterable[EntityStatus], steps: Iterable[Step], unpaid: Mapping[tuple[str, str], EntityStatus]
) -> list[EntityStatus]:
    """The statuses after a run, where a write that charges nothing leaves a payment under way, or failed, as it was.

    ``unpaid`` are the statuses of the entities of which a payment is not made, as the comparison left them.
    """
    charged = {step.action.entity for step in steps if may_charge(step.action)}
    return [
        unpaid.get((s.kind, s.id), s) if s.status is Status.SUCCESS and (s.kind, s.id) not in charged else s
        for s in found
    ]


def after(steps: Iterable[Step], link_index: LinkIndex, requested: Mapping[str, str]) -> list[EntityStatus]:
    """The statuses of the entities that the plan was about; what was only taken away keeps the status it had.

    ``requested`` names the approval that an action waits for.
    """
    by_entity: dict[tuple[str, str], list[Step]] = {}
    for written in steps:
        if written.action.entity and not (written.result == "done" and written.action.kind in REMOVING_ACTIONS):
            waits = written.reason is ReasonCode.WAITS_FOR_APPROVAL and written.action.hash in requested
            shown = (
                replace(written, detail=f"It waits for the approval {requested[written.action.hash]}.")
                if waits
                else written
            )
            by_entity.setdefault(written.action.entity, []).append(shown)
    return [entity_status(kind, id, found, link_index) for (kind, id), found in by_entity.items()]


def entity_status(kind: str, id: str, steps: list[Step], link_index: LinkIndex) -> EntityStatus:
    """One entity's status from what became of its actions."""
    worst = max(steps, key=lambda step: (WORST.index(step.result), bool(step.unverified)))
    stripe_id = own_id(kind, steps, link_index)
    if worst.result == "done" and not worst.unverified:
        if worst.action.kind in (ActionKind.SUBSCRIPTION_CANCEL, ActionKind.STIGG_CANCEL):
            if worst.detail:
                is_sold = worst.action.noted.get("sold_after")
                reason = ReasonCode.RENEWED_AFTER_END if is_sold else ReasonCode.NEEDS_A_PERSON
                return EntityStatus(kind, id, Status.PENDING, reason, worst.detail, stripe_id)
            return EntityStatus(kind, id, Status.NO_SYNC_REQUIRED, ReasonCode.ENDED, stripe_id=stripe_id)
        debit = next((step for step in steps if step.reason is ReasonCode.PAYMENT_PROCESSING), None)
        if debit is not None:
            return EntityStatus(kind, id, Status.PENDING, debit.reason, debit.detail, stripe_id)
        return EntityStatus(kind, id, Status.SUCCESS, stripe_id=stripe_id)
    failed = worst.result in ("refused", "done")
    return EntityStatus(kind, id, Status.ERROR if failed else Status.PENDING, worst.reason, worst.detail, stripe_id)


def own_id(kind: str, steps: Iterable[Step], link_index: LinkIndex) -> str | None:
    """The Stripe id of the entity's own object: the package's product, the customer, the subscription."""
    for written in steps:
        key = written.action.target
        if kind in (EntityKind.PLAN, EntityKind.ADDON):
            key = f"product:{':'.join(key.split(':')[1:4])}"
        found = link_index.get(key)
        if found:
            return found
    return None
