"""Usage of subscriptions that ended: decisions stored, and lines taken off drafts that are not owed (BILLING 7)."""

from __future__ import annotations

from sqlalchemy import Connection

from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.bills import window_of
from stripe_sync.domain.usage.decide.due import LedgerState
from stripe_sync.domain.usage.decide.subscription_ends import SENT, decide_ends
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.usage.permissions import entity_of
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import draft_holds, movements, usage_invoices, usage_windows


def store_ends(connection: Connection, session: Session, run: Run, state: LedgerState) -> None:
    """Store which invoices are not owed, end holds, and move the windows that were proven on their drafts back."""
    name = session.environment.name
    decided = decide_ends(
        state.ends,
        state.living_ids,
        unowed_drafts=usage_invoices.unowed_drafts(connection, name),
        invoices_of_ended=usage_invoices.of_subscriptions(connection, name, state.ends),
        windows=usage_windows.in_states(connection, name, SENT),
        holds=draft_holds.live(connection, name),
    )
    usage_invoices.set_unowed(connection, name, decided.owed, is_unowed=False)
    for hold in decided.holds:
        draft_holds.add(connection, name, hold, at=run.now, run_id=run.id)
    usage_invoices.set_unowed(connection, name, decided.unowed)
    movements.store(connection, decided.drains, at=run.now, run_id=run.id)


def removals(session: Session) -> list[Action]:
    """Return what takes our lines off the drafts that are not owed."""
    with connect_to_read(session.engine) as connection:
        unowed = usage_invoices.unowed_drafts(connection, session.environment.name)
    actions = []
    for invoice in unowed:
        there = drafts.own_lines(invoice.stripe, session.signer)
        actions += drafts.actions(
            invoice,
            [],
            there,
            entity=entity_of(session, invoice.subscription),
            taken=[window_of(line.key) for line in there],
        )
    return actions
