"""Probe: answers open questions on real test accounts, with objects that it creates and removes again (BILLING 12).

It refuses live accounts and Stigg's production environments. Answers are stored with their date and request ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from stripe_sync.clients.stripe.raw_requests import RawRequests
from stripe_sync.core.errors import AccountRefused
from stripe_sync.core.open_questions import UNKNOWNS
from stripe_sync.jobs.runtime.account import check_account as check_account
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
    """One row: ``yes``, ``no``, a value, ``open``, or ``not asked`` with the way to answer it manually."""

    name: str
    answer: str
    detail: str = ""
    request_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Probed:
    """The answers, and the objects that were not removed."""

    answers: list[Answer]
    left: Left = field(default_factory=Left)


def probe(session: Session, *, patience: int = 300, pause: float = 1.0) -> Probed:
    """Answer every question that an API can answer, and store the answers.

    A clock or a meter that is not ready is polled ``patience`` times, ``pause`` seconds apart.

    Raises:
        AccountRefused: the account is live.
        NotAuthorized: the key is live or has no permissions.
        ConfigurationError: the test clock belongs to another account.
    """
    if session.environment.live:
        raise AccountRefused(
            f"{session.environment.name} is live. Probe a Stripe sandbox and a Stigg test environment."
        )
    check_account(session)
    requests = RawRequests(session.stripe)
    require_any_right(requests)
    session.clock.now()  # a test clock of another account is refused here
    stigg_environment(session)
    account = Account(requests, patience=patience, pause=pause)
    answers = []
    try:
        for answer in answers_to(Asking(account, session)):
            session.progress(f"  {answer.name}: {answer.answer} {answer.detail}".rstrip())
            store(session, answer)
            answers.append(answer)
    except KeyboardInterrupt:
        session.progress(f"  interrupted; not removed: {', '.join(account.left.remaining) or 'nothing'}")
        raise
    return Probed(answers, account.left)


def store(session: Session, answer: Answer) -> None:
    """Store an answer; a question that stays open keeps its earlier answer."""
    if answer.answer in ("open", "not asked"):
        return
    name = session.environment.name
    manual_actions.answer(
        session.engine, name, answer.name, answer=answer.answer, detail=answer.detail, request_ids=answer.request_ids
    )


def answers_to(asking: Asking) -> Iterator[Answer]:
    """Yield the answer to each question, in the order of ``UNKNOWNS``, those for manual tests included."""
    for unknown in UNKNOWNS:
        if unknown.name not in QUESTIONS:
            yield Answer(unknown.name, "not asked", f"{unknown.question} docs/unknowns.md has the manual test.")
            continue
        result, ids = ask(unknown.name, asking)
        yield Answer(unknown.name, word(result), result.detail, () if isinstance(result, Open) else ids)
