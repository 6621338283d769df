"""Answers of ``stripe-sync probe`` as input of the guards: open questions and forbidden lanes."""

from __future__ import annotations

from stripe_sync.core.open_questions import forbidden, open_questions, waiting_causes
from stripe_sync.domain.plan.guards import GuardContext
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse import manual_actions


def answered(session: Session) -> GuardContext:
    """Return the guards' context from stored answers: open questions, forbidden lanes and waiting causes."""
    environment = session.environment
    answers = manual_actions.answers(session.engine, environment.name)
    waiting = open_questions(answers, environment.accept_unknown, environment)
    return GuardContext(
        open_questions={lane: list(names) for lane, names in waiting.items()},
        forbidden=forbidden(answers, environment),
        waiting_causes=waiting_causes(answers),
    )
