"""Usage of subscriptions that ended: drafts that sell a period after the end bill none of it (BILLING 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.actual.endings import is_sold_after
from stripe_sync.domain.actual.renewals import is_renewal
from stripe_sync.domain.actual.stigg_end import End, end_of
from stripe_sync.domain.actual.stripe_objects import GONE
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.bills import Invoice, window_of
from stripe_sync.domain.usage.charges import LONGEST_GRACE
from stripe_sync.domain.usage.ledger import Drain, UsageState
from stripe_sync.domain.usage.surplus import is_surplus
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.usage.permissions import entity_of
from stripe_sync.warehouse.usage import draft_holds, movements, usage_invoices, usage_windows

STOPPED = "Its subscription is canceled, which stops it."
MOVED = "Its draft sells a period after the end; it goes on the final invoice."


def ends(inputs: Inputs, over: Iterable[str]) -> dict[str, End]:
    """Return when subscriptions ended in Stigg, by Stripe id; ``over`` are those that are to end in Stripe."""
    found = {}
    wanted = set(over)
    for subscription in inputs.stigg.subscriptions:
        id = inputs.links.ids.get(inputs.link_key("subscription", subscription.subscription_id), "")
        end = end_of(inputs, subscription, inputs.stripe.subscriptions.get(id)) if id in wanted else None
        if end is not None:
            found[id] = end
    return found


def is_unowed(invoice: Invoice, found: Mapping[str, End]) -> bool:
    """Return whether a renewal's invoice sells a period that begins after the end of its subscription."""
    end = found.get(invoice.subscription)
    return end is not None and is_renewal(invoice.body) and is_sold_after(epoch(invoice.bound), end.moment)


def renewed_after(inputs: Inputs, found: Mapping[str, End], now: datetime) -> set[str]:
    """Return the subscriptions that are to end and of which a renewal after the end may be a draft now."""
    return {
        id for id, end in found.items()
        if (held := inputs.stripe.subscriptions.get(id)) is not None and held.status not in GONE
        and any(
            is_sold_after(bound, end.moment) and from_epoch(bound) <= now < from_epoch(bound) + LONGEST_GRACE
            for item in held.items.data for bound in (item.current_period_start, item.current_period_end)
        )
    }  # fmt: skip


def mark(connection: Connection, session: Session, run: Run, found: Mapping[str, End], living: Collection[str]) -> None:
    """Mark the invoices that are not owed, and take the windows that were proven on their drafts back.

    One that became final before the end was seen bills the use that is on it already, and nothing more. A draft of a
    ``living`` subscription that is not to end any more is owed again; of a canceled one the hold is over.
    """
    name = session.environment.name
    left = [i for i in usage_invoices.unowed_drafts(connection, name) if not is_unowed(i, found)]
    owed = [i.invoice for i in left if i.subscription in living]
    usage_invoices.mark_unowed(connection, name, owed, is_unowed=False)
    end_holds(connection, session, run, living)
    windows = usage_windows.in_states(connection, name, (UsageState.SUBMITTED, UsageState.VERIFIED))
    unowed = [i for i in usage_invoices.of_subscriptions(connection, name, found) if is_unowed(i, found)]
    usage_invoices.mark_unowed(connection, name, [invoice.invoice for invoice in unowed])
    drafts_left = {invoice.invoice for invoice in unowed if invoice.status == "draft"}
    for window in windows:
        if window.invoice in drafts_left:
            back = Drain(
                window=window.id,
                sources=(UsageState.SUBMITTED, UsageState.VERIFIED),
                target=UsageState.PENDING,
                reason=MOVED,
            )
            movements.drain(connection, back, at=run.now, run_id=run.id)


def end_holds(connection: Connection, session: Session, run: Run, living: Collection[str]) -> None:
    """End the holds of drafts that are not owed and that the cancellation of their subscription has stopped."""
    name = session.environment.name
    live = draft_holds.live(connection, name)
    for invoice in usage_invoices.unowed_drafts(connection, name):
        own = live.get(invoice.invoice)
        if own is not None and invoice.subscription not in living and not invoice.body["auto_advance"]:
            over = replace(own, held=False, reason=STOPPED)
            draft_holds.add(connection, name, over, at=run.now, run_id=run.id)


def unfinished_ends(connection: Connection, session: Session, found: Mapping[str, End]) -> set[str]:
    """Return the subscriptions with windows on a draft that is not owed, and those with an invoice of ours to switch on."""
    name = session.environment.name
    windows = usage_windows.in_states(connection, name, (UsageState.SUBMITTED, UsageState.VERIFIED))
    unowed = {i.invoice for i in usage_invoices.drafts_of(connection, name, found) if is_unowed(i, found)}
    switched_off = {
        i.invoice for i in usage_invoices.may_bill(connection, name, windows)
        if i.status == "draft" and is_own_invoice(i.body, session.signer) and not i.body["auto_advance"]
    }  # fmt: skip
    return {w.subscription for w in windows if w.invoice in unowed | switched_off}


def is_own_invoice(body: Mapping[str, Any], signer: Signer) -> bool:
    """Return whether an invoice is one of our own, which is filled and proven before it is switched on."""
    return drafts.is_final(body, signer) or is_surplus(body, signer)


def removals(session: Session) -> list[Action]:
    """Return what takes our lines off the drafts that are not owed."""
    with session.engine.connect() as connection:
        found = usage_invoices.unowed_drafts(connection, session.environment.name)
    actions = []
    for invoice in found:
        there = drafts.own_lines(invoice.body, session.signer)
        actions += drafts.actions(
            session.environment.name, invoice.invoice, invoice.body, [], there,
            entity=entity_of(session, invoice.subscription), taken=[window_of(line.key) for line in there],
        )  # fmt: skip
    return actions
