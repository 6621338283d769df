"""Admission of actions: the reasons why an action is not written now, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_sync.apply import settling
from stripe_sync.apply.results import Step
from stripe_sync.core.errors import EntityError, Transient
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.plan.guards import Decision
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.plans.failures import Failure
from stripe_sync.warehouse.writes import leases
from stripe_sync.warehouse.writes.journal import Outcome
from stripe_sync.warehouse.writes.leases import Lease

if TYPE_CHECKING:
    from stripe_sync.apply.executor import Executor


def held_back(executor: Executor, action: Action, earlier: Outcome | None, lease: Lease) -> Step | None:
    """Return the step of an action that is not written; None where it may be. ``earlier`` is its outcome in this run."""
    if action.hash in executor.settled:
        return executor.settled[action.hash]
    if lost := settling.unrecovered_step(executor, action):
        return lost
    if earlier is not None and earlier.result == "done":
        return Step(action, "done", stripe_id=executor.link_index.get(action.target))
    if earlier is not None and earlier.result == "refused":
        return Step(action, "refused", ReasonCode(earlier.reason), earlier.detail)
    decision = executor.permits.of(action)
    if decision != Decision.APPLY:
        return skipped(action, decision)
    if blocked := _blocker(executor, action):
        return Step(action, "blocked", ReasonCode.BLOCKED_BY, f"It waits for {blocked}.")
    if why := leases.pause_reason(executor.engine, executor.environment, lease.lane):
        return Step(action, "paused", ReasonCode.PAUSED, f"Lane {lease.lane} is paused: {why}.")
    return _refused_before(executor, action)


def _refused_before(executor: Executor, action: Action) -> Step | None:
    """Return the step of an action that an earlier answer forbids, or whose object now exists; else None."""
    if action.target in executor.quarantined:
        return _quarantined(action, executor.quarantined[action.target])
    if action.refused:
        return Step(action, "refused", ReasonCode.STRIPE_REFUSED, f"Its preview was refused: {action.refused}")
    try:
        why = executor.declines.reason(action)
    except (EntityError, Transient) as unread:
        return Step(action, "waiting", ReasonCode.WAITS_FOR_WRITE, str(unread))
    if why:
        return Step(action, "refused", ReasonCode.PAYMENT_FAILED, why)
    if action.kind.is_creation and _exists(executor, action):
        return Step(action, "dropped", ReasonCode.WAITS_FOR_WRITE, "It was created after the plan. Create a new plan.")
    return None


def skipped(action: Action, decision: Decision) -> Step:
    """Return the step of an action that has no permit."""
    reason = ReasonCode.OBSERVED_ONLY if decision == Decision.OBSERVE else ReasonCode.WAITS_FOR_APPROVAL
    return Step(action, "waiting", reason)


def unprepared(action: Action, failure: EntityError) -> Step:
    """Return the step of an action that was not started: it is too early, or its object has changed."""
    reason = ReasonCode(failure.reason)
    return Step(action, "waiting" if reason is ReasonCode.WAITS_FOR_INVOICE else "refused", reason, failure.detail)


def _exists(executor: Executor, action: Action) -> bool:
    """Return whether the object of a creation now exists: from this run, or from an earlier holder of the lane."""
    is_known = bool(executor.link_index.get(action.target))
    return is_known or links.is_linked(executor.engine, executor.environment, action.target)


def _quarantined(action: Action, failure: Failure) -> Step:
    """Return the step of a target that was refused repeatedly; it is retried after its waiting time."""
    when = f"{failure.until:%Y-%m-%d %H:%M} UTC"
    detail = f"{failure.detail} Refused {failure.failures} times; retried after {when}, or after stripe-sync retry."
    return Step(action, "refused", ReasonCode(failure.reason), detail)


def _blocker(executor: Executor, action: Action) -> str | None:
    """Return the target of the first dependency that was not written, else None."""
    for hash in action.depends_on:
        step = executor.steps.get(hash)
        if step is None or step.result != "done":
            return step.action.target if step else hash
    return None
