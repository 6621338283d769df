"""Asks the real APIs what could not be known before, in objects that it names and takes away again (BILLING 12).

It refuses live accounts and Stigg's production environments. Answers are kept with their date and request ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from stripe_sync.clients.stripe.asking import Asker
from stripe_sync.core.errors import AccountRefused
from stripe_sync.core.open_questions import UNKNOWNS
from stripe_sync.jobs.runtime.account import account as check_account
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.jobs.runtime.preflight import stigg_environment
from stripe_sync.jobs.setup.probing.answers import Open, word
from stripe_sync.jobs.setup.probing.questions import QUESTIONS, Asking, ask
from stripe_sync.jobs.setup.probing.rights import require_any_right
from stripe_sync.jobs.setup.probing.stigg import reads, writes
from stripe_sync.jobs.setup.probing.stripe import (
    api_keys,
    at_once,
    bank_debits,
    changes,
    collection,
    endings,
    meters,
    renewals,
    taxes,
    terms,
)
from stripe_sync.jobs.setup.probing.test_account import Account, Left
from stripe_sync.warehouse import manual_actions

# Importing a module of questions registers them.
MODULES = (
    at_once,
    renewals,
    meters,
    changes,
    endings,
    collection,
    bank_debits,
    taxes,
    terms,
    api_keys,
    reads,
    writes,
)


@dataclass(frozen=True)
class Answer:
    """One row: ``yes``, ``no``, what was found, ``open``, or ``not asked`` with the way to find it out."""

    name: str
    answer: str
    detail: str = ""
    request_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Probed:
    """The answers, and what is left of what was made."""

    answers: list[Answer]
    left: Left = field(default_factory=Left)


def probe(session: Session, *, patience: int = 300, pause: float = 1.0) -> Probed:
    """Ask every question that can be asked, and keep the answers. Raises AccountRefused for a live account,
    NotAuthorized for a live key or one without any right, ConfigurationError for a test clock of another account.

    ``patience`` polls, ``pause`` seconds apart, are made for a clock or a meter that is not ready.
    """
    if session.environment.live:
        raise AccountRefused(
            f"{session.environment.name} is live; probe a Stripe sandbox and a Stigg environment for tests."
        )
    check_account(session)
    asker = Asker(session.stripe)
    require_any_right(asker)
    session.clock.now()  # a test clock of another account is refused here
    stigg_environment(session)
    account = Account(asker, patience=patience, pause=pause)
    answers = []
    for answer in asked(Asking(account, session)):
        session.progress(f"  {answer.name}: {answer.answer} {answer.detail}".rstrip())
        keep(session, answer)
        answers.append(answer)
    return Probed(answers, account.left)


def keep(session: Session, answer: Answer) -> None:
    """Keep an answer; an open question keeps the answer that it had."""
    if answer.answer in ("open", "not asked"):
        return
    name = session.environment.name
    manual_actions.answer(
        session.engine, name, answer.name, answer=answer.answer, detail=answer.detail, request_ids=answer.request_ids
    )


def asked(asking: Asking) -> Iterator[Answer]:
    """Yield the answer to each question, in the order of ``unknowns.UNKNOWNS``, and those that only a person can find."""
    for unknown in UNKNOWNS:
        if unknown.name not in QUESTIONS:
            yield Answer(unknown.name, "not asked", f"{unknown.question} docs/unknowns.md says how to see it.")
            continue
        result, ids = ask(unknown.name, asking)
        yield Answer(unknown.name, word(result), result.detail, () if isinstance(result, Open) else ids)
