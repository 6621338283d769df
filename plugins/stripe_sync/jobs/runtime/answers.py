"""The answers of ``stripe-sync probe`` as guards need them: what lanes wait for, and what answers forbid."""

from __future__ import annotations

from stripe_sync.core.open_questions import forbidden, open_questions, waiting_causes
from stripe_sync.domain.plan.guards import Standing
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse import manual_actions


def answered(session: Session) -> Standing:
    """Return the part of the guards' context that the answers decide: open questions, forbidden lanes and waiting causes."""
    environment = session.environment
    answers = manual_actions.answers(session.engine, environment.name)
    waiting = open_questions(answers, environment.accept_unknown, environment)
    return Standing(
        open_questions={lane: list(names) for lane, names in waiting.items()},
        forbidden=forbidden(answers, environment),
        waiting_causes=waiting_causes(answers),
    )
