"""The steps that follow a cancellation: invoices that are not owed are stopped, the collection of the others is given back,
pending items are settled, and renewals after the end are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from msgspec import UNSET

from stripe_sync.apply.cancellation.after_end import after_end, with_sums
from stripe_sync.apply.cancellation.pending_items import settle_pending
from stripe_sync.apply.resource import Call
from stripe_sync.apply.resources.invoice import INVOICES
from stripe_sync.apply.results import FollowUp
from stripe_sync.clients.stripe.nested_lists import with_lines
from stripe_sync.clients.stripe.parameters.invoices import InvoiceTiming
from stripe_sync.core.clock import epoch
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.errors import EntityError, Replayed, Transient
from stripe_sync.domain.actual.endings import MINUTE, Collected, GiveBack, collected, to_give_back, unowed
from stripe_sync.domain.actual.pending_items import Pending
from stripe_sync.domain.actual.unowed_invoices import Renewal, sold_after, to_stop
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_status import COLLECTIBLE
from stripe_sync.domain.usage.holds.leads import LONGER, is_too_near


def finish(call: Call, key: str, now: datetime) -> FollowUp:
    """Stop invoices that are not owed, restore the collection of the others, and settle pending items.

    Raises Replayed or Transient after the other steps: the intent stays open, and a later run repeats them under other keys.
    Existing results are found, so a repetition writes nothing twice.
    """
    key, action = f"{key}-{epoch(now)}", call.action
    before = [Collected(**invoice) for invoice in action.noted.get("collected", ())]
    there = {
        i.id: collected(from_stripe(found.object, StripeInvoice))
        for i in before
        if (found := INVOICES.find(call.api, i.id)) is not None
    }
    renewals = [renewal for renewal in renewed_after_note(call) if renewal.invoice.id not in there]
    there |= {renewal.invoice.id: renewal.invoice for renewal in renewals}
    end = action.after.get("ended_in_stigg")
    not_owed = unowed(before, call.id, end) | unowed(there.values(), call.id, end)
    stopped = to_stop(there.values(), not_owed=not_owed)
    given = to_give_back(before, there, not_owed=not_owed, now=epoch(now))
    steps: list[Callable[[], list[str]]] = [partial(stop, call, there[id], key=key) for id in stopped]
    steps += [partial(give_back, call, one, key=key, now=epoch(now)) for one in given]
    if waiting := [Pending(**item) for item in action.noted.get("pending", ())]:
        steps.append(partial(settle_pending, call, waiting, key=key, now=epoch(now)))
    steps.append(partial(after_end, call, not_owed))
    return FollowUp(tuple(_each(steps)), sold_after(renewals, not_owed=not_owed))


def renewed_after_note(call: Call) -> list[Renewal]:
    """Return the invoices since the end if a renewal may have happened after ``prepare``, else none."""
    end = call.action.after.get("ended_in_stigg")
    if end is None or not call.action.noted.get("renews_soon"):
        return []
    pages = call.api.pages(INVOICES.path, subscription=call.id, created={"gte": end - MINUTE})
    return [
        with_sums(from_stripe(with_lines(call.api, row), StripeInvoice), end, call.links.signer)
        for page in pages
        for row in page
    ]


def _each(steps: Iterable[Callable[[], list[str]]]) -> list[str]:
    """Perform each step, even if others fail, and return their messages. Raises the last Replayed or Transient."""
    messages, lost = [], None
    for step in steps:
        try:
            messages += step()
        except EntityError as refused:
            messages.append(f"It is canceled, and its follow-up was refused: {refused.detail} Check its invoices.")
        except (Replayed, Transient) as failed:
            lost = failed
    if lost is not None:
        raise lost
    return messages


def stop(call: Call, invoice: Collected, *, key: str) -> list[str]:
    """Switch the collection of one invoice off (C3). ``after_end`` reads it again and reports it if Stripe still collects it."""
    try:
        INVOICES.update(call.api, invoice.id, InvoiceTiming(auto_advance=False), key=f"{key}-{invoice.id}-off")
    except EntityError as refused:
        return [f"{invoice.id} was not switched off: {refused.detail}"]
    return []


def give_back(call: Call, given: GiveBack, *, key: str, now: int) -> list[str]:
    """Switch the collection of one invoice on again, at its time or, if that is too near, later; read it back."""
    try:
        try:
            _switch_on(call, given, key=f"{key}-{given.invoice}")
        except EntityError as refused:
            if given.moment is None or not is_too_near(refused.detail):
                raise
            later = replace(given, moment=max(given.moment, now + int(LONGER.total_seconds())))
            _switch_on(call, later, key=f"{key}-{given.invoice}-later")
        held = call.api.get(f"{INVOICES.path}/{given.invoice}")
    except EntityError as refused:
        return [f"{given.invoice} is owed and not collected any more: {refused.detail} Collect it by hand."]
    if held["auto_advance"] or held["status"] not in COLLECTIBLE:
        return []
    return [f"{given.invoice} is owed, and Stripe did not switch its collection on again; collect it by hand."]


def _switch_on(call: Call, given: GiveBack, *, key: str) -> None:
    """Switch the collection of one invoice on, a draft with its time."""
    moment = UNSET if given.moment is None else given.moment
    timing = InvoiceTiming(auto_advance=True, automatically_finalizes_at=moment)
    INVOICES.update(call.api, given.invoice, timing, key=key)
