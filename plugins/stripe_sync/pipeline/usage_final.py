"""Invoices of our own: for what was used until a subscription ended, and for a renewal of nothing that did not wait."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlalchemy import Connection

from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.usage_due import Known, assign, load, seen_invoice, whole
from stripe_sync.pipeline.usage_writes import entity_of, write
from stripe_sync.plan.actions import USAGE, Action
from stripe_sync.usage import drafts
from stripe_sync.warehouse import usage
from stripe_sync.warehouse.leases import Lease
from stripe_sync.warehouse.usage import Window


def make_final_invoices(session: Session, run: Run, lease: Lease) -> int:
    """Makes the invoices that windows need which no renewal bills; they are drafts like any other after that."""
    name = session.environment.name
    with session.engine.connect() as connection:
        state = load(session, run, connection)
        if state is None:
            return 0
        actions = [
            action
            for (subscription, bound), windows in without_invoice(connection, state, name).items()
            if (action := needed(session, state, subscription, bound, windows)) is not None
        ]
    made = [step for step in write(session, run, actions, lease) if step.result == "done"]
    for step in made:
        body = session.stripe.in_lane(USAGE).get(f"/v1/invoices/{step.stripe_id}")
        seen = seen_invoice(session, whole(session, body))
        if seen is not None:
            with session.engine.begin() as connection:
                usage.see(connection, name, seen)
    return len(made)


def without_invoice(connection: Connection, state: Known, name: str) -> dict[tuple[str, datetime], list[Window]]:
    """The windows that were read, cost something and have no invoice to go on, by subscription and when it ended."""
    windows = [w for w in usage.windows(connection, name, states=usage.OPEN) if w.quantity is not None]
    seen = usage.invoices(connection, name, windows)
    assigned = assign(windows, seen)
    chains = usage.openings(connection, name)
    found: dict[tuple[str, datetime], list[Window]] = defaultdict(list)
    for window in windows:
        invoice = assigned.get(window.id)
        last = chains[window.subscription, window.charge][-1]
        over = last.terms is None and last.why == "stigg" and window.subscription in state.over
        if invoice is None and over:
            found[window.subscription, last.since].append(window)
        elif (
            invoice is not None
            and drafts.did_not_wait(invoice.body)
            and not drafts.held(invoice.body, state.inputs.signer)
        ):
            found[window.subscription, invoice.bound].append(window)
    return found


def needed(session: Session, state: Known, subscription: str, bound: datetime, windows: list[Window]) -> Action | None:
    """The invoice to make; none where nothing of it costs anything."""
    held = state.inputs.stripe.subscriptions.get(subscription)
    if held is None or not any(w.held(*usage.OPEN)[1] for w in windows):
        return None
    return drafts.final_invoice(
        session.environment.name, subscription, bound, customer=held.customer, currency=held.currency,
        collection=held.collection_method, days_until_due=held.days_until_due, entity=entity_of(session, subscription),
    )  # fmt: skip


def free_of_charge(connection: Connection, state: Known, name: str) -> list[Window]:
    """Windows without an invoice that cost nothing: there is nothing to bill."""
    found = without_invoice(connection, state, name)
    return [w for windows in found.values() if not any(x.held(*usage.OPEN)[1] for x in windows) for w in windows]
