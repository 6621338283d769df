"""Invoices that may bill usage, read from Stripe with all lines and the credited amount of each.

Stripe's nested lists have only their first ten rows; they are paged here.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from stripe_sync.clients.stripe.answers import FoundInvoice
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.nested_lists import with_lines
from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.model.stripe_invoices import CreditNoteLine
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.charges import LONGEST_GRACE
from stripe_sync.domain.usage.holds.grace import grace_by_invoice, is_short
from stripe_sync.domain.usage.windows import TermsRevision, Timeline
from stripe_sync.jobs.inputs.readings import Readings
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import draft_holds, usage_invoices


def since_of(
    revisions: Mapping[Timeline, Sequence[TermsRevision]],
    covered_until: Mapping[Timeline, datetime],
    todo: Iterable[str],
    now: datetime,
) -> dict[str, datetime]:
    """Return the time since which to read invoices, by subscription: the end of the known invoices of its charges."""
    starts: dict[str, list[datetime]] = {subscription: [] for subscription in todo}
    for timeline, found in revisions.items():
        if timeline[0] in starts:
            starts[timeline[0]].append(covered_until.get(timeline, found[0].since))
    return {subscription: min(times, default=now - LONGEST_GRACE) for subscription, times in starts.items()}


@dataclass(frozen=True)
class ReadInvoices:
    """The ids of the invoices that were read, and the reasons of failed readings by Stripe subscription."""

    ids: list[str] = field(default_factory=list)
    failures: Mapping[str, str] = field(default_factory=dict)


def read_invoices(
    session: Session,
    run: Run,
    since: Mapping[str, datetime],
    listed: Mapping[str, FoundInvoice],
    short: Container[str],
) -> ReadInvoices:
    """Read the invoices of subscriptions and store those that bill usage.

    Subscriptions with a ``listed`` draft are not read again. Drafts whose finalization time was not moved are stored with
    their grace period; ``short`` are the drafts with a grace period below one hour. A draft that Stripe no longer has was
    deleted by a person. A failed reading stops its subscription alone; a listed draft is then stored as the list shows it,
    so that it can be held.
    """
    name, signer, api = session.environment.name, session.signer, session.stripe.in_lane(Lane.USAGE)
    readings, gone = Readings(), list[Invoice]()
    bodies = {id: row for id, row in listed.items() if drafts.subscription_of(row.stripe, signer) in since}
    with connect_to_read(session.engine) as connection:
        again = [i for i in known_drafts(connection, name, run.now, since) if i.invoice not in bodies]
        moved = draft_holds.holds(connection, name)
    for known in again:
        with readings.of(known.subscription):
            found = find_invoice(api, known.invoice)
            bodies |= {known.invoice: with_credits(session, found)} if found is not None else {}
            gone += [deleted(known)] if found is None else []
    owners = {id: drafts.subscription_of(body.stripe, signer) for id, body in bodies.items()}
    for subscription in sorted(since.keys() - owners.values() - readings.failures.keys()):
        created = {"gte": epoch(since[subscription])}
        with readings.of(subscription):
            for page in api.pages("/v1/invoices", subscription=subscription, created=created):
                bodies |= {row["id"]: FoundInvoice(row) for row in page}
                owners |= {row["id"]: subscription for row in page}
    seen = list(gone)
    for id, body in bodies.items():
        with readings.of(owners.get(id) or id):
            seen += filter(None, [whole_or_draft(seen_invoice(session, body, readings), readings)])
    found_graces = grace_by_invoice((invoice.stripe for invoice in seen), moved)
    waits = {id: seconds for id, seconds in found_graces.items() if id in short or not is_short(seconds)}
    with session.engine.begin() as connection:
        for invoice in seen:
            usage_invoices.see(connection, name, invoice, grace=waits.get(invoice.invoice))
    return ReadInvoices([invoice.invoice for invoice in seen], readings.failures)


def whole_or_draft(invoice: Invoice | None, readings: Readings) -> Invoice | None:
    """Return an invoice, None for one that is no draft and whose lines could not be read: it would show less than it bills."""
    is_failed = invoice is not None and invoice.subscription in readings.failures
    return invoice if invoice is not None and (invoice.status == InvoiceStatus.DRAFT or not is_failed) else None


def known_drafts(connection: Connection, environment: str, now: datetime, of: Iterable[str]) -> Iterator[Invoice]:
    """Yield the invoices to read again: due drafts, changed invoices, and the drafts of some subscriptions."""
    yield from usage_invoices.to_read_again(connection, environment, now=now)
    yield from usage_invoices.drafts_of(connection, environment, of)


def deleted(invoice: Invoice) -> Invoice:
    """Return a draft with the status ``deleted``, which a person deleted in Stripe."""
    return replace(invoice, status="deleted", finalizes_at=None, is_stale=False)


def read_one(session: Session, invoice: Invoice) -> Invoice | None:
    """Read an invoice and store it in the ledger; return None where it bills no usage."""
    found = find_invoice(session.stripe.in_lane(Lane.USAGE), invoice.invoice)
    seen = seen_invoice(session, found) if found is not None else deleted(invoice)
    if seen is not None:
        with session.engine.begin() as connection:
            usage_invoices.see(connection, session.environment.name, seen)
    return seen


def find_invoice(api: StripeApi, id: str) -> FoundInvoice | None:
    """Read an invoice; None where Stripe no longer has it."""
    found = api.find(f"/v1/invoices/{id}")
    return None if found is None else FoundInvoice(found)


def with_credits(session: Session, found: FoundInvoice) -> FoundInvoice:
    """Return an invoice with ``credited``, the credited amount in minor units by line id, if it has credit notes."""
    shown = found.stripe
    if not (shown.pre_payment_credit_notes_amount or shown.post_payment_credit_notes_amount):
        return found
    credited: dict[str, int] = {}
    for line in credited_lines(session, shown.id):
        id = str(line.invoice_line_item)
        credited[id] = credited.get(id, 0) + line.amount
    return FoundInvoice(found.object | {"credited": credited})


def credited_lines(session: Session, invoice: str) -> Iterator[CreditNoteLine]:
    """Yield the lines of an invoice's issued credit notes."""
    api = session.stripe.in_lane(Lane.USAGE)
    for notes in api.pages("/v1/credit_notes", invoice=invoice):
        for note in (note for note in notes if note["status"] == "issued"):
            if not note["lines"].get("has_more"):
                yield from (from_stripe(line, CreditNoteLine) for line in note["lines"]["data"])
                continue
            for page in api.pages(f"/v1/credit_notes/{note['id']}/lines"):
                yield from (from_stripe(line, CreditNoteLine) for line in page)


def with_all_lines(session: Session, found: FoundInvoice, readings: Readings | None = None) -> FoundInvoice:
    """Return an invoice with all its lines; with ``readings`` as it was listed where they cannot be read."""
    shown = found.stripe
    if not shown.lines.has_more:
        return found
    with (readings or Readings(most=0)).of(drafts.subscription_of(shown, session.signer) or shown.id):
        return FoundInvoice(with_lines(session.stripe.in_lane(Lane.USAGE), found.object))
    return found


def seen_invoice(session: Session, found: FoundInvoice, readings: Readings | None = None) -> Invoice | None:
    """Return an invoice as the ledger stores it, with all its lines (``with_all_lines``); None for one that bills no usage."""
    found = with_all_lines(session, found, readings)
    shown = found.stripe
    subscription = drafts.subscription_of(shown, session.signer)
    bound = drafts.cutoff_of(shown, session.signer)
    if subscription is None or bound is None:
        return None
    seconds = shown.automatically_finalizes_at
    finalizes = from_epoch(seconds) if seconds is not None and shown.status == InvoiceStatus.DRAFT else None
    return Invoice(
        shown.id,
        subscription,
        shown.status,
        bound,
        from_epoch(shown.created),
        finalizes,
        is_stale=False,
        body=found.object,
    )
