"""The steps that follow a cancellation: collection is given back, pending items are settled, renewals after the end are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from stripe_sync.apply.cancellation.after_end import after_end
from stripe_sync.apply.cancellation.pending_items import settle_pending
from stripe_sync.apply.resource import Call
from stripe_sync.apply.resources.invoice import INVOICES
from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import Replayed, RowFailed, Transient
from stripe_sync.domain.actual.endings import Collected, GiveBack, collected, to_give_back, unowed
from stripe_sync.domain.actual.pending_items import Pending
from stripe_sync.domain.usage.holds.leads import LONGER, TIME, is_too_near


def finish(call: Call, key: str, now: datetime) -> list[str]:
    """Give the collection back to what had it and is owed, then settle what was pending. Return what a person has to see to.

    Raises Replayed or Transient after the other steps were made: the intent stays open, and a later run repeats them under
    other keys. What was made already is found, so a repetition makes nothing twice.
    """
    key, action = f"{key}-{epoch(now)}", call.action
    before = [Collected(**invoice) for invoice in action.noted.get("collected", ())]
    not_owed = unowed(before, call.id, action.after.get("ended_in_stigg"))
    there = {i.id: collected(found.object) for i in before if (found := INVOICES.find(call.api, i.id)) is not None}
    given = to_give_back(before, there, not_owed=not_owed, now=epoch(now))
    steps: list[Callable[[], list[str]]] = [partial(give_back, call, one, key=key, now=epoch(now)) for one in given]
    if waiting := [Pending(**item) for item in action.noted.get("pending", ())]:
        steps.append(partial(settle_pending, call, waiting, key=key, now=epoch(now)))
    steps.append(partial(after_end, call))
    return _each(steps)


def _each(steps: Iterable[Callable[[], list[str]]]) -> list[str]:
    """Make each step whatever became of the others, and return what they tell. Raises the last Replayed or Transient."""
    told, lost = [], None
    for step in steps:
        try:
            told += step()
        except RowFailed as refused:
            told.append(f"It is canceled, and what follows was refused: {refused.detail} Look at its invoices.")
        except (Replayed, Transient) as failed:
            lost = failed
    if lost is not None:
        raise lost
    return told


def give_back(call: Call, given: GiveBack, *, key: str, now: int) -> list[str]:
    """Switch the collection of one invoice on again, at its own time or, where that is too near, later; read it back."""
    try:
        try:
            _switch_on(call, given, key=f"{key}-{given.invoice}")
        except RowFailed as refused:
            if given.moment is None or not is_too_near(refused.detail):
                raise
            later = replace(given, moment=max(given.moment, now + int(LONGER.total_seconds())))
            _switch_on(call, later, key=f"{key}-{given.invoice}-later")
        held = call.api.get(f"{INVOICES.path}/{given.invoice}")
    except RowFailed as refused:
        return [f"{given.invoice} is owed and not collected any more: {refused.detail} Collect it by hand."]
    if held["auto_advance"] or held["status"] not in ("draft", "open"):
        return []
    return [f"{given.invoice} is owed, and Stripe did not switch its collection on again; collect it by hand."]


def _switch_on(call: Call, given: GiveBack, *, key: str) -> None:
    """Switch the collection of one invoice on, a draft with its time."""
    params: dict[str, Any] = {"auto_advance": True} | ({TIME: given.moment} if given.moment is not None else {})
    INVOICES.update(call.api, given.invoice, params, key=key)
