"""Approval requests and their answers. A request that waits for a person holds no lease."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from stripe_sync.apply.previews import ExpectedAmounts
from stripe_sync.core.approval_state import ApprovalState
from stripe_sync.core.errors import ConfigurationError, NotReady
from stripe_sync.domain.plan import approvals as approval_texts
from stripe_sync.domain.plan.actions import Plan
from stripe_sync.domain.plan.guards import GuardResult
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.jobs.runtime.results.reconcile import Asked
from stripe_sync.jobs.runtime.step import step
from stripe_sync.warehouse import manual_actions
from stripe_sync.warehouse.plans import approvals, plans
from stripe_sync.warehouse.plans.approvals import Approval

REJECTION_VALID = timedelta(days=7)  # approval of a rejected action is not requested again for this time


@step(Asked)
def ask(session: Session, run: Run) -> Asked:
    """Request approval for each waiting group of a run's plan, once per action; return their hashes."""
    name = session.environment.name
    stored = plans.of_run(session.engine, name, run.id)
    if stored is None or run.params.approval:
        return Asked(asked=())
    return Asked(asked=request_approvals(session, run, stored.plan, stored.guard_results))


def request_approvals(session: Session, run: Run, plan: Plan, guard_results: Sequence[GuardResult]) -> list[str]:
    """Request approval for each waiting group, without actions that were requested or rejected; return the hashes."""
    name, life = session.environment.name, timedelta(hours=session.environment.approval_hours)
    with session.engine.begin() as connection:
        known = approvals.settled(connection, name, now=run.now, remember=REJECTION_VALID)
        requests = list(approval_texts.requests(plan, guard_results, settled=known.keys()))
        for request in requests:
            approvals.ask(connection, name, run.id, plan.hash, request, now=run.now, life=life)
    for request in requests:
        session.progress(f"  approval requested: {approval_texts.subject(name, request)}")
    return [request.hash for request in requests]


def question(session: Session, hash: str) -> dict[str, str]:
    """Return ``subject`` and ``body`` (Markdown) of an open request. Raises NotReady where it is no longer open."""
    found = require(session, hash)
    state = found.state_at(session.clock.now())
    if state != ApprovalState.WAITING:
        raise NotReady(f"Approval {hash} of {session.environment.name} is {state}; no answer is needed.")
    sentences = action_sentences(session, found)
    return {
        "subject": approval_texts.subject(session.environment.name, found.request),
        "body": approval_texts.body(found.request, sentences, f"{found.expires_at:%Y-%m-%d %H:%M}"),
    }


def action_sentences(session: Session, found: Approval) -> list[str]:
    """Return the sentences of a request's actions, from the plan of the request."""
    stored = plans.of_run(session.engine, session.environment.name, found.run_id)
    plan = stored.plan if stored else Plan(environment=session.environment.name)
    hashes = set(found.request.actions)
    return [action.sentence for action in plan.actions if action.hash in hashes]


def require(session: Session, hash: str) -> Approval:
    """Return the approval of a set of actions. Raises ConfigurationError where it does not exist."""
    found = approvals.find(session.engine, session.environment.name, hash)
    if found is None:
        raise ConfigurationError(
            f"Approval {hash} does not exist in {session.environment.name}. List open approvals: "
            f"stripe-sync status {session.environment.name}."
        )
    return found


def approve(session: Session, hash: str, by: Operator) -> str:
    """Approve the actions of a set, and return the confirmation. Raises ConfigurationError unless it is open."""
    decide(session, hash, by, state=ApprovalState.APPROVED)
    return f"Approval {hash} was given by {by.person}. Actions that a new plan still contains are applied now."


def reject(session: Session, hash: str, by: Operator) -> str:
    """Reject the actions of a set for a week, and return the confirmation. Raises ConfigurationError unless it is open."""
    decide(session, hash, by, state=ApprovalState.REJECTED)
    return f"Approval {hash} was rejected by {by.person}. It is not requested again for {REJECTION_VALID.days} days."


def decide(session: Session, hash: str, by: Operator, *, state: ApprovalState) -> None:
    """Record a person's answer. Raises ConfigurationError unless the request is open."""
    name, now = session.environment.name, session.clock.now()
    found = require(session, hash)
    with session.engine.begin() as connection:
        if not approvals.decide(connection, name, hash, state=state, now=now, person=by.person, reason=by.reason):
            raise ConfigurationError(
                f"Approval {hash} is already {found.state_at(now)}. Create a new plan to request it again."
            )
        manual_actions.record(
            connection,
            name,
            command="approve" if state == ApprovalState.APPROVED else "reject",
            subject=hash,
            reason=by.reason,
            person=by.person,
            detail={"group": found.request.group, "actions": len(found.request.actions)},
        )


def approved_targets(session: Session, hash: str) -> frozenset[str] | None:
    """Return the link keys of a set's actions, from the plan of the request; None where that plan was deleted."""
    found = require(session, hash)
    stored = plans.of_run(session.engine, session.environment.name, found.run_id)
    if stored is None:
        return None
    hashes = set(found.request.actions)
    return frozenset(action.target for action in stored.plan.actions if action.hash in hashes)


def approved_actions(session: Session, hash: str) -> frozenset[str]:
    """Return the hashes of an approved set's actions. Raises NotReady where it is not approved, or was already applied."""
    found = require(session, hash)
    if found.state != ApprovalState.APPROVED:
        raise NotReady(f"Approval {hash} is {found.state_at(session.clock.now())}; none of its actions are applied.")
    return frozenset(found.request.actions)


def approved_amounts(session: Session, hash: str) -> ExpectedAmounts:
    """Return what the writes of an approved set may invoice at once: the amounts of the plan that the person saw.

    An action whose plan was deleted has no amount.
    """
    found = require(session, hash)
    stored = plans.of_run(session.engine, session.environment.name, found.run_id)
    amounts = {action.hash: action.due_now for action in stored.plan.actions} if stored else {}
    return ExpectedAmounts(amounts, (session.clock.now() - found.requested_at).total_seconds())
