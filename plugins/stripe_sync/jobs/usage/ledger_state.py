"""Mirrors and ledger as the decisions on usage take them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from stripe_sync.domain.target.catalog.catalog import catalog
from stripe_sync.domain.target.catalog.own_prices import with_own
from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.charges import charges
from stripe_sync.domain.usage.decide.due import LedgerState, StoredUsage, decide_staleness, open_subscriptions
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.domain.usage.windows import Window
from stripe_sync.jobs.inputs.latest import latest
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.comparisons import catalog_references
from stripe_sync.warehouse.usage import draft_holds, usage_invoices, usage_windows


def load_state(session: Session, run: Run, connection: Connection) -> LedgerState | None:
    """Return mirrors and ledger of subscriptions with usage charges, that end, or with a draft that waits; None before the first comparison."""
    name = session.environment.name
    newest = latest(session, run, connection)
    if newest is None:
        return None
    revisions = usage_windows.terms_revisions(connection, name)
    members = catalog_references.bill_use(connection, name)
    members.stripe |= open_subscriptions(revisions)
    members.stripe |= {window.subscription for window in waiting_windows(connection, name)}
    members.stripe |= {invoice.subscription for invoice in waiting_drafts(connection, name)}
    members.take(catalog_references.to_end(connection, name))
    inputs = newest.of(members)
    living, problems = charges(inputs, with_own(inputs, catalog(inputs))[0])
    return LedgerState(
        inputs=inputs,
        charges=living,
        problems=problems,
        revisions=revisions,
        covered_until=usage_windows.covered_until(connection, name),
        stale=decide_staleness(run.now - newest.as_of),
    )


def load_stored_usage(connection: Connection, state: LedgerState, now: datetime) -> StoredUsage:
    """Return the windows that are not on a finalized invoice, with the invoices that decide what is read."""
    name = state.inputs.environment.name
    windows = waiting_windows(connection, name)
    return StoredUsage(
        windows=windows,
        invoices=usage_invoices.may_bill(connection, name, windows),
        to_read_again=usage_invoices.to_read_again(connection, name, now=now),
        waiting_drafts=waiting_drafts(connection, name),
        drafts_of_ended=usage_invoices.drafts_of(connection, name, state.ends),
    )


def waiting_windows(connection: Connection, environment: str) -> list[Window]:
    """Return the windows that are reported, or not on a finalized invoice yet."""
    return usage_windows.in_states(connection, environment, (UsageState.REPORTED, *ledger.BILLABLE))


def waiting_drafts(connection: Connection, environment: str) -> list[Invoice]:
    """Return the drafts that the pipeline holds, for any cause: each run reads them."""
    return usage_invoices.drafts_in(connection, environment, draft_holds.live(connection, environment))
