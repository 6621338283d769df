"""Renewal drafts with a grace period below one hour: found among those listed, reported and extended (BILLING 9)."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from stripe_sync.clients.stripe.answers import FoundInvoice
from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import NotAuthorized
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.holds.grace import (
    MINIMUM_GRACE,
    changed_drafts,
    grace_by_invoice,
    is_short,
    may_be_short,
    renewal_grace,
)
from stripe_sync.jobs.inputs.invoices import seen_invoice, with_all_lines
from stripe_sync.jobs.inputs.readings import Readings
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.usage.drafts.holds import hold
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import connect_to_read, run_sql
from stripe_sync.warehouse.usage import draft_holds, figures, usage_invoices
from stripe_sync.warehouse.writes.leases import Lease

LATE = timedelta(minutes=10)  # within which Stripe has made the draft of a renewal
SHORT_LIVED = timedelta(seconds=MINIMUM_GRACE) + LATE  # a draft that is short is final so long after its renewal
EVENT_PAGES = 5


def is_renewing(connection: Connection, session: Session, run: Run) -> bool:
    """Return whether a linked subscription was renewed so lately that its draft, if it is short, may still be there."""
    since, until = epoch(run.now - SHORT_LIVED), epoch(run.now)
    (row,) = run_sql(connection, "usage/renewals", environment=session.environment.name, since=since, until=until)
    return bool(row["is_renewed"])


def list_drafts(session: Session, run: Run, of: Container[str]) -> dict[str, FoundInvoice]:
    """Return drafts by id: those ``of`` some subscriptions, those that may be short, and the newest good one of a page.

    Without a given subscription only drafts that may be short are listed.
    """
    created = {} if of else {"created": {"gte": epoch(run.now - SHORT_LIVED)}}
    kept: dict[str, FoundInvoice] = {}
    for page in session.stripe.in_lane(Lane.USAGE).pages("/v1/invoices", status="draft", **created):
        rows = [FoundInvoice(row) for row in page]
        graces = ((row, renewal_grace(row.stripe)) for row in rows)
        good = next((row for row, seconds in graces if seconds is not None and not is_short(seconds)), None)
        kept |= {
            row.stripe.id: row
            for row in rows
            if row is good or may_be_short(row.stripe) or drafts.subscription_of(row.stripe, session.signer) in of
        }
    return kept


def compare_drafts(session: Session, bodies: Collection[FoundInvoice]) -> dict[str, int]:
    """Return the seconds of grace, by invoice, of the renewals of linked subscriptions that wait less than an hour.

    They are kept in the ledger; so is the newest good one, where a short one was the newest that was known.
    """
    if not bodies:
        return {}
    name = session.environment.name
    given = of_linked(session, bodies)
    with connect_to_read(session.engine) as connection:
        rescheduled, newest = draft_holds.holds(connection, name), figures.newest_grace(connection, name)
    found = graces_of(session, given, rescheduled)
    short = {id: seconds for id, seconds in found.items() if is_short(seconds)}
    by_age = sorted((body for body in given if body.stripe.id in found), key=lambda body: body.stripe.created)
    is_over = not short and newest is not None and is_short(newest[1])
    chosen = by_age[-1:] if is_over else [body for body in by_age if body.stripe.id in short]
    readings = Readings()
    seen = [invoice for body in chosen if (invoice := seen_invoice(session, body, readings)) is not None]
    with session.engine.begin() as connection:
        for invoice in seen:
            usage_invoices.see(connection, name, invoice, grace=found[invoice.invoice])
    return short


def of_linked(session: Session, bodies: Iterable[FoundInvoice]) -> list[FoundInvoice]:
    """Return the invoices of linked subscriptions."""
    found = [(body, drafts.subscription_of(body.stripe, session.signer)) for body in bodies]
    with connect_to_read(session.engine) as connection:
        linked = set(links.of_ids(connection, session.environment.name, {s for _, s in found if s}).values())
    return [body for body, subscription in found if subscription in linked]


def graces_of(session: Session, bodies: Iterable[FoundInvoice], rescheduled: Collection[str]) -> dict[str, int]:
    """Return the seconds of grace by invoice, of renewal drafts whose finalization time was not moved.

    ``rescheduled`` are the drafts that the pipeline moved. Changes by others are read from Stripe's events for the short ones only; where the key
    cannot read events, none are assumed.
    """
    readings = Readings()
    complete = (with_all_lines(session, body, readings) if may_be_short(body.stripe) else body for body in bodies)
    shown = [body.stripe for body in complete]
    found = grace_by_invoice(shown, rescheduled)
    suspects = {invoice.id: invoice.created for invoice in shown if is_short(found.get(invoice.id, MINIMUM_GRACE))}
    by_others = changed_by_others(session, suspects)
    return {id: seconds for id, seconds in found.items() if id not in by_others}


def changed_by_others(session: Session, suspects: Mapping[str, int]) -> set[str]:
    """Return those of some invoices, given with when they were made, whose time of finalization was changed since.

    At most ``EVENT_PAGES`` pages of events are read.
    """
    if not suspects:
        return set()
    found: set[str] = set()
    params: dict[str, Any] = {"types": ["invoice.updated"], "created": {"gte": min(suspects.values())}}
    try:
        for page in islice(session.stripe.in_lane(Lane.USAGE).pages("/v1/events", **params), EVENT_PAGES):
            found |= changed_drafts(page) & suspects.keys()
    except NotAuthorized:
        pass
    return found


def hold_short(session: Session, run: Run, lease: Lease, short: Iterable[str], *, observed: str) -> list[str]:
    """Give drafts that are short, and on which nothing is missing, an hour; return the ids of those held.

    An end at or before the renewal, and a change that it has overtaken, are found within the hour (BILLING 7).
    """
    with connect_to_read(session.engine) as connection:
        found = [usage_invoices.by_id(connection, session.environment.name, id) for id in sorted(short)]
    its = [invoice for invoice in found if invoice is not None and invoice.status == "draft"]
    why = "Stripe would finalize it earlier than an hour after it was made."
    return hold(session, run, lease, its, cause="short", why=why, observed=observed)
