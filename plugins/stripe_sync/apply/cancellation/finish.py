"""The steps that follow a cancellation: invoices that are not owed are stopped, the collection of the others is given back,
pending items are settled, and renewals after the end are reported.
"""

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
from stripe_sync.clients.stripe.whole import with_lines
from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import Replayed, RowFailed, Transient
from stripe_sync.domain.actual.endings import MINUTE, Collected, GiveBack, collected, to_give_back, unowed
from stripe_sync.domain.actual.pending_items import Pending
from stripe_sync.domain.actual.unowed_invoices import to_stop
from stripe_sync.domain.model.stripe_status import COLLECTIBLE
from stripe_sync.domain.usage.holds.leads import LONGER, TIME, is_too_near


def finish(call: Call, key: str, now: datetime) -> list[str]:
    """Stop what is not owed, give the collection back to what had it, settle what was pending. Return what waits for a person.

    Raises Replayed or Transient after the other steps were made: the intent stays open, and a later run repeats them under
    other keys. What was made already is found, so a repetition makes nothing twice.
    """
    key, action = f"{key}-{epoch(now)}", call.action
    before = [Collected(**invoice) for invoice in action.noted.get("collected", ())]
    there = {i.id: collected(found.object) for i in before if (found := INVOICES.find(call.api, i.id)) is not None}
    there |= {i.id: i for i in renewed_meanwhile(call) if i.id not in there}
    end = action.after.get("ended_in_stigg")
    not_owed = unowed(before, call.id, end) | unowed(there.values(), call.id, end)
    stopped = to_stop(there.values(), not_owed=not_owed)
    given = to_give_back(before, there, not_owed=not_owed, now=epoch(now))
    steps: list[Callable[[], list[str]]] = [partial(stop, call, there[id], key=key) for id in stopped]
    steps += [partial(give_back, call, one, key=key, now=epoch(now)) for one in given]
    if waiting := [Pending(**item) for item in action.noted.get("pending", ())]:
        steps.append(partial(settle_pending, call, waiting, key=key, now=epoch(now)))
    steps.append(partial(after_end, call, not_owed))
    return _each(steps)


def renewed_meanwhile(call: Call) -> list[Collected]:
    """Return the invoices since the end, where a renewal may have come after the note; else none is read."""
    end = call.action.after.get("ended_in_stigg")
    if end is None or not call.action.noted.get("renews_soon"):
        return []
    pages = call.api.pages(INVOICES.path, subscription=call.id, created={"gte": end - MINUTE})
    return [collected(with_lines(call.api, row)) for page in pages for row in page]


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


def stop(call: Call, invoice: Collected, *, key: str) -> list[str]:
    """Switch the collection of one invoice off (C3). ``after_end`` reads it again, and says so where Stripe goes on with it."""
    try:
        INVOICES.update(call.api, invoice.id, {"auto_advance": False}, key=f"{key}-{invoice.id}-off")
    except RowFailed as refused:
        return [f"{invoice.id} was not switched off: {refused.detail}"]
    return []


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
    if held["auto_advance"] or held["status"] not in COLLECTIBLE:
        return []
    return [f"{given.invoice} is owed, and Stripe did not switch its collection on again; collect it by hand."]


def _switch_on(call: Call, given: GiveBack, *, key: str) -> None:
    """Switch the collection of one invoice on, a draft with its time."""
    params: dict[str, Any] = {"auto_advance": True} | ({TIME: given.moment} if given.moment is not None else {})
    INVOICES.update(call.api, given.invoice, params, key=key)
