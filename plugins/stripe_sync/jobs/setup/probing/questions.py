"""The questions by their names, and how one is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stripe_sync.clients.stripe.asking import Refused
from stripe_sync.clients.stripe.refusals import RIGHT
from stripe_sync.core.errors import StripeSyncError
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.jobs.setup.probing.answers import Open, Result
from stripe_sync.jobs.setup.probing.test_account import Account


@dataclass(frozen=True)
class Asking:
    """What a question is given."""

    account: Account
    session: Session


Question = Callable[[Asking], Result]
QUESTIONS: dict[str, Question] = {}


def question(name: str) -> Callable[[Question], Question]:
    """Register the question of a row of docs/unknowns.md."""

    def register(ask: Question) -> Question:
        QUESTIONS[name] = ask
        return ask

    return register


def ask(name: str, asking: Asking) -> tuple[Result, tuple[str, ...]]:
    """Return the answer to a question and the requests that gave it; any error that it does not expect leaves it open."""
    account = asking.account
    account.asker.request_ids.clear()
    try:
        result = QUESTIONS[name](asking)
    except Refused as refused:
        result = Open(told(refused))
    except StripeSyncError as error:
        result = Open(str(error))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        result = Open(f"An answer has another shape than expected ({type(error).__name__}: {error}).")
    ids = tuple(account.asker.request_ids)
    account.clear()
    return result, ids


def told(refused: Refused) -> str:
    """Return the sentence about an error that answers nothing; a right that the key lacks is named."""
    right = RIGHT.search(refused.message) if refused.status == 403 else None
    lacks = f"; add {right[1]} to the key's rights and probe again" if right else ""
    return f"Stripe answered {refused}{lacks}."
