"""Asking a person, and taking the answer. Nothing that waits for a person holds a lease."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from stripe_sync.core.approval_state import ApprovalState
from stripe_sync.core.errors import ConfigurationError, Waiting
from stripe_sync.domain.plan import approvals as questions
from stripe_sync.domain.plan.actions import Plan
from stripe_sync.domain.plan.guards import Verdict
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.jobs.runtime.step import Result, step
from stripe_sync.warehouse import manual_actions
from stripe_sync.warehouse.plans import approvals, plans
from stripe_sync.warehouse.plans.approvals import Approval

REMEMBERED = timedelta(days=7)  # a rejected action is not asked about again for so long


@step
def ask(session: Session, run: Run) -> Result:
    """Asks about every group of a run's plan that waits, and about no action twice. Gives the hashes of the sets."""
    name = session.environment.name
    stored = plans.of_run(session.engine, name, run.id)
    if stored is None or run.params.approval:
        return {"asked": []}
    return {"asked": ask_about(session, run, stored.plan, stored.verdicts)}


def ask_about(session: Session, run: Run, plan: Plan, verdicts: Sequence[Verdict]) -> list[str]:
    """Asks about every group that waits, and about no action twice. Gives the hashes of the sets."""
    name, life = session.environment.name, timedelta(hours=session.environment.approval_hours)
    with session.engine.begin() as connection:
        settled = approvals.settled(connection, name, now=run.now, remember=REMEMBERED)
        asked = list(questions.requests(plan, verdicts, settled=settled.keys()))
        for request in asked:
            approvals.ask(connection, name, run.id, plan.hash, request, now=run.now, life=life)
    for request in asked:
        session.progress(f"  a person is asked: {questions.subject(name, request)}")
    return [request.hash for request in asked]


def question(session: Session, hash: str) -> dict[str, str]:
    """Subject and body of a question, as people read it. Raises Waiting where nobody can answer it any more."""
    found = require(session, hash)
    state = found.state_at(session.clock.now())
    if state != ApprovalState.WAITING:
        raise Waiting(f"The approval {hash} of {session.environment.name} is {state}; nothing waits for an answer.")
    sentences = sentences_of(session, found)
    return {
        "subject": questions.subject(session.environment.name, found.request),
        "body": questions.body(found.request, sentences, f"{found.expires_at:%Y-%m-%d %H:%M}"),
    }


def sentences_of(session: Session, found: Approval) -> list[str]:
    """The sentences of the actions of a question, from the plan that asked it."""
    stored = plans.of_run(session.engine, session.environment.name, found.run_id)
    plan = stored.plan if stored else Plan(environment=session.environment.name)
    wanted = set(found.request.actions)
    return [action.sentence for action in plan.actions if action.hash in wanted]


def require(session: Session, hash: str) -> Approval:
    """The question about a set. Raises ConfigurationError where there is none."""
    found = approvals.find(session.engine, session.environment.name, hash)
    if found is None:
        raise ConfigurationError(
            f"Nobody is asked about a set {hash} in {session.environment.name}; stripe-sync status lists what waits."
        )
    return found


def approve(session: Session, hash: str, by: Hand) -> str:
    """Says yes to the actions of a set, and to nothing else."""
    decide(session, hash, by, state=ApprovalState.APPROVED)
    return f"The set {hash} is approved by {by.person}; what of it is still the same is made now."


def reject(session: Session, hash: str, by: Hand) -> str:
    """Says no; the actions are not asked about again for a week."""
    decide(session, hash, by, state=ApprovalState.REJECTED)
    return (
        f"The set {hash} is rejected by {by.person}; its actions are not asked about again for {REMEMBERED.days} days."
    )


def decide(session: Session, hash: str, by: Hand, *, state: ApprovalState) -> None:
    name, now = session.environment.name, session.clock.now()
    found = require(session, hash)
    with session.engine.begin() as connection:
        if not approvals.decide(connection, name, hash, state=state, now=now, person=by.person, reason=by.reason):
            raise ConfigurationError(f"The set {hash} is {found.state_at(now)} already; plan again for a new question.")
        manual_actions.record(
            connection, name, command="approve" if state == ApprovalState.APPROVED else "reject", subject=hash, reason=by.reason,
            person=by.person, detail={"group": found.request.group, "actions": len(found.request.actions)},
        )  # fmt: skip


def approved_targets(session: Session, hash: str) -> frozenset[str] | None:
    """What the actions of a set are about, by the plan that asked about it; None where that plan is kept no more."""
    found = require(session, hash)
    stored = plans.of_run(session.engine, session.environment.name, found.run_id)
    if stored is None:
        return None
    wanted = set(found.request.actions)
    return frozenset(action.target for action in stored.plan.actions if action.hash in wanted)


def approved_actions(session: Session, hash: str) -> frozenset[str]:
    """The actions of an approved set. Raises Waiting where it is not approved, or was applied already."""
    found = require(session, hash)
    if found.state != ApprovalState.APPROVED:
        raise Waiting(f"The set {hash} is {found.state_at(session.clock.now())}, so nothing of it is made.")
    return frozenset(found.request.actions)
