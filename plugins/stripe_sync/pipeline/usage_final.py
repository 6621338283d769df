"""Invoices of our own: for what was used until a subscription ended, and for a renewal of nothing that did not wait."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlalchemy import Connection

from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.usage_due import Known, assign, load
from stripe_sync.pipeline.usage_invoices import seen_invoice
from stripe_sync.pipeline.usage_writes import entity_of
from stripe_sync.pipeline.writing import write
from stripe_sync.plan.actions import USAGE, Action
from stripe_sync.usage import drafts
from stripe_sync.warehouse import usage
from stripe_sync.warehouse.leases import Lease
from stripe_sync.warehouse.usage import OpeningRow, Window


def make_final_invoices(session: Session, run: Run, lease: Lease) -> int:
    """Makes the invoices that windows need which no renewal bills; they are drafts like any other after that."""
    name = session.environment.name
    with session.engine.connect() as connection:
        found = without_invoice(connection, session, run)
        state = load(session, run, connection) if found else None
    if state is None:
        return 0
    actions = [
        action
        for (subscription, bound), windows in found.items()
        if (action := needed(session, state, subscription, bound, windows)) is not None
    ]
    made = [step for step in write(session, run, actions, lease) if step.result == "done"]
    for step in made:
        body = session.stripe.in_lane(USAGE).get(f"/v1/invoices/{step.stripe_id}")
        seen = seen_invoice(session, body)
        if seen is not None:
            with session.engine.begin() as connection:
                usage.see(connection, name, seen)
    return len(made)


def without_invoice(connection: Connection, session: Session, run: Run) -> dict[tuple[str, datetime], list[Window]]:
    """The windows that were read and have no invoice to go on, by subscription and when it ended.

    The mirrors are looked at only where there is such a window.
    """
    name = session.environment.name
    windows = [w for w in usage.windows(connection, name, states=usage.OPEN) if w.quantity is not None]
    assigned = assign(windows, usage.invoices(connection, name, windows))
    found: dict[tuple[str, datetime], list[Window]] = defaultdict(list)
    alone = [window for window in windows if window.id not in assigned]
    for window in windows:
        invoice = assigned.get(window.id)
        if invoice is not None and drafts.did_not_wait(invoice.body) and not drafts.held(invoice.body, session.signer):
            found[window.subscription, invoice.bound].append(window)
    chains = usage.openings(connection, name) if alone else {}
    ended = [w for w in alone if is_closed_by_stigg(chains[w.subscription, w.charge][-1])]
    state = load(session, run, connection) if ended else None
    for window in ended:
        if state is not None and window.subscription in state.over:
            found[window.subscription, chains[window.subscription, window.charge][-1].since].append(window)
    return found


def is_closed_by_stigg(last: OpeningRow) -> bool:
    return last.terms is None and last.why == "stigg"


def needed(session: Session, state: Known, subscription: str, bound: datetime, windows: list[Window]) -> Action | None:
    """The invoice to make; none where nothing of it costs anything."""
    held = state.inputs.stripe.subscriptions.get(subscription)
    if held is None or not any(w.held(*usage.OPEN)[1] for w in windows):
        return None
    return drafts.final_invoice(
        session.environment.name, subscription, bound, customer=held.customer, currency=held.currency,
        collection=held.collection_method, days_until_due=held.days_until_due, entity=entity_of(session, subscription),
    )  # fmt: skip


def free_of_charge(connection: Connection, session: Session, run: Run) -> list[Window]:
    """Windows without an invoice that cost nothing: there is nothing to bill."""
    found = without_invoice(connection, session, run)
    return [w for windows in found.values() if not any(x.held(*usage.OPEN)[1] for x in windows) for w in windows]
