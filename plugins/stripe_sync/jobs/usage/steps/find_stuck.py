"""Invoices that nothing will finalize or collect: each is listed with its amount, and raises an alert. A part of ``usage_settle``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from stripe_sync.clients.stripe.answers import FoundInvoice
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.usage.decide.assignment import assign
from stripe_sync.domain.usage.holds.listed import Explained, is_list_due, is_watched, owner_of, stuck_rows
from stripe_sync.domain.usage.holds.payers import answered_invoices, invoices_without_attempt
from stripe_sync.domain.usage.holds.unshown_use import UnshownUse, find_unshown_uses, stopped_drafts
from stripe_sync.domain.usage.ledger import BILLABLE, UsageState
from stripe_sync.jobs.inputs.latest import latest
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.usage import FoundDue, Settled, StuckInvoices
from stripe_sync.jobs.usage.drafts.billed_twice import with_ways_out
from stripe_sync.jobs.usage.drafts.untaxed import hold_untaxed
from stripe_sync.warehouse import step_results
from stripe_sync.warehouse.comparisons import links, statuses
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.snapshots.families import Members
from stripe_sync.warehouse.usage import draft_holds, usage_invoices, usage_windows
from stripe_sync.warehouse.writes import owed as kept

LISTS = ({"status": "draft"}, {"status": "open", "collection_method": "charge_automatically"})


def find_stuck(session: Session, run: Run, due: FoundDue) -> StuckInvoices:
    """Return the invoices that nothing moves on, the moment of reading, and a sentence on each.

    Where Stripe's lists are not due the last answer stands. Drafts that cannot be taxed are held, also without ``tax``: what
    was adopted may be taxed by Stripe.
    """
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        settled = step_results.newest(connection, name, Settled)
        is_linked = bool(links.of_kind(connection, name, "subscription"))
    last = settled.listed if settled else StuckInvoices(stuck_at=None)
    if not is_read(run, due, last, is_any_linked=is_linked):
        return StuckInvoices(stuck_at=last.stuck_at)
    bodies = read_watched(session)
    rows = hold_untaxed(session, run, bodies, due)
    invoices = [body.stripe for body in bodies]
    owners = {invoice.id: str(owner_of(invoice, session.signer)) for invoice in invoices}
    explained = replace(
        load_explained(session, rows={row.invoice for row in rows}),
        use=load_unshown_use(session, invoices, run.now),
        answered=load_answered(session, run, invoices, owners),
    )
    others = stuck_rows(invoices, explained, signer=session.signer, now=run.now)
    rows += with_ways_out(session, others)
    sentences = [row.sentence() for row in rows]
    return StuckInvoices(stuck=rows, stuck_at=run.now.isoformat(), stuck_pages=sentences)


def is_read(run: Run, due: FoundDue, last: StuckInvoices, *, is_any_linked: bool) -> bool:
    """Return whether Stripe's lists are read in this run."""
    at = last.stuck_at
    return is_list_due(
        datetime.fromisoformat(at) if at is not None else None,
        now=run.now,
        is_any_linked=is_any_linked,
        is_usage_due=due.is_any_due,
        is_any_stuck=bool(last.stuck),
    )


def read_watched(session: Session) -> list[FoundInvoice]:
    """Return the drafts and automatically collected open invoices of linked subscriptions, and our own."""
    api, signer = session.stripe.in_lane("usage"), session.signer
    rows = (row for given in LISTS for page in api.pages("/v1/invoices", **given) for row in page)
    bodies = [FoundInvoice(row) for row in rows]
    owners = set(filter(None, (owner_of(body.stripe, signer) for body in bodies)))
    with connect_to_read(session.engine) as connection:
        linked = set(links.of_ids(connection, session.environment.name, owners).values())
    return [body for body in bodies if is_watched(body.stripe, linked, signer=signer)]


def load_explained(session: Session, *, rows: Iterable[str]) -> Explained:
    """Return what is known of invoices beside Stripe's lists; ``rows`` are listed already."""
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        unowed = " ".join(invoice.invoice for invoice in usage_invoices.unowed_drafts(connection, name))
        return Explained(
            holds=draft_holds.holds(connection, name),
            after_end=statuses.details(connection, name, ReasonCode.RENEWED_AFTER_END) + unowed,
            sold=kept.sold_after(connection, name),
            rows=frozenset(rows),
        )


def load_unshown_use(session: Session, invoices: Iterable[StripeInvoice], now: datetime) -> dict[str, UnshownUse]:
    """Return the use of drafts that show 0 and that nothing finalizes, by id."""
    stopped, name = stopped_drafts(invoices, now), session.environment.name
    if not stopped:
        return {}
    with connect_to_read(session.engine) as connection:
        windows = usage_windows.in_states(connection, name, (UsageState.REPORTED, *BILLABLE))
        seen = usage_invoices.may_bill(connection, name, windows)
    return find_unshown_uses(stopped, windows, assign(windows, seen))


def load_answered(session: Session, run: Run, invoices: Iterable[StripeInvoice], owners: Mapping[str, str]) -> set[str]:
    """Return the ids of the open invoices without a next attempt of which no payment can be under way, by the mirrors.

    ``owners`` has Stripe's subscription of each invoice.
    """
    silent = invoices_without_attempt(invoices)
    if not silent:
        return set()
    with connect_to_read(session.engine) as connection:
        newest = latest(session, run, connection)
        if newest is None:
            return set()
        stripe = newest.of(Members(stripe={owners[invoice.id] for invoice in silent})).stripe
    return answered_invoices(silent, owners, stripe.subscriptions, stripe.customers)
