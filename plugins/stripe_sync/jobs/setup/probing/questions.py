"""Table of the questions by name, and the function that runs one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stripe_sync.clients.stripe.raw_requests import Refused
from stripe_sync.clients.stripe.refusals import RIGHT
from stripe_sync.core.errors import StripeSyncError
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.jobs.setup.probing.answers import Open, ProbeResult
from stripe_sync.jobs.setup.probing.test_account import Account


@dataclass(frozen=True)
class Asking:
    """Arguments of a question: the test account and the session."""

    account: Account
    session: Session


Question = Callable[[Asking], ProbeResult]
QUESTIONS: dict[str, Question] = {}


def question(name: str) -> Callable[[Question], Question]:
    """Register the question of a row of docs/unknowns.md."""

    def register(ask: Question) -> Question:
        QUESTIONS[name] = ask
        return ask

    return register


def ask(name: str, asking: Asking) -> tuple[ProbeResult, tuple[str, ...]]:
    """Run a question; return its answer and its request ids. An unexpected error leaves it open.

    The objects of the question are removed in any case, also where a person interrupts it.
    """
    account = asking.account
    account.requests.request_ids.clear()
    try:
        result = QUESTIONS[name](asking)
    except Refused as refused:
        result = Open(unexpected(refused))
    except StripeSyncError as error:
        result = Open(str(error))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        result = Open(f"An answer has an unexpected shape ({type(error).__name__}: {error}).")
    finally:
        ids = tuple(account.requests.request_ids)
        account.clear()
    return result, ids


def unexpected(refused: Refused) -> str:
    """Return the message of an unexpected error, with the permission that the key lacks."""
    right = RIGHT.search(refused.message) if refused.status == 403 else None
    lacks = f". Grant {right[1]} to the key and probe again" if right else ""
    return f"Stripe answered {refused}{lacks}."
