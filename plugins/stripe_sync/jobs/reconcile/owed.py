"""Amounts that writes left to a person: each run asks Stripe about those that are open, closes what was done, tells the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.core.clock import epoch
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.errors import EntityError, Transient, UnknownShape
from stripe_sync.core.lanes import Lane
from stripe_sync.core.ownership import FIELD
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.model.stripe_invoices import CreditNote, StripeInvoice, StripeInvoiceItem
from stripe_sync.domain.plan.owed import INVOICE, NAME, Owed, OwedKind, Shown, as_seen, closed_by
from stripe_sync.domain.usage.holds.stuck import find_standstill
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.warehouse.comparisons import link_suggestions, links
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.writes import owed
from stripe_sync.warehouse.writes.owed import EXEMPT, OwedRow

NOTES = "/v1/credit_notes"
SKEW = timedelta(minutes=1)  # by which Stripe's clock may differ from that of the run
UNWANTED = "end_proration is none"


def owed_rows(session: Session, run: Run) -> list[EntityStatus]:
    """Close the rows that Stripe shows as done, and return the status of each canceled subscription that has one.

    A customer that could not be read keeps its rows; the next run reads it.
    """
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        rows = [row for row in owed.open_rows(connection, name) if row.owed.kind != OwedKind.SOLD_AFTER]
        if not rows:
            return []
        used = owed.used(connection, name, {row.customer for row in rows})
        exempt = link_suggestions.ignored(connection, name)
    by_customer: dict[str, list[OwedRow]] = defaultdict(list)
    for row in rows:
        by_customer[row.customer].append(row)
    left: list[OwedRow] = []
    for customer, its in by_customer.items():
        try:
            shown = shown_of(session, customer, its, run.now)
        except (EntityError, Transient, UnknownShape):
            left += its
            continue
        with session.engine.begin() as connection:
            left += still_open(connection, session, its, shown, used=used, exempt=exempt, at=run.now)
    with connect_to_read(session.engine) as connection:
        return statuses_of(connection, name, rows, left)


def shown_of(session: Session, customer: str, rows: Sequence[OwedRow], now: datetime) -> Shown:
    """Read what decides about the rows of one customer; without a customer they are about an invoice alone."""
    api = session.stripe.in_lane(Lane.SUBSCRIPTIONS)
    items = {id: held(api, id) for row in rows if row.owed.kind != OwedKind.CREDIT for id in row.owed.items}
    since = {"gte": epoch(min(row.since for row in rows) - SKEW)}
    named = names(api, customer, since) if customer and any(row.owed.items for row in rows) else {}
    credited = any(row.owed.kind == OwedKind.CREDIT and row.owed.invoice is None for row in rows)
    pages = api.pages(NOTES, customer=customer, created=since) if customer and credited else ()
    notes = [from_stripe(note, CreditNote) for page in pages for note in page if note["status"] == "issued"]
    ids = {row.owed.invoice for row in rows} | {id for row in rows for id in named.get(row.owed.name, ())}
    ids |= {item.invoice_id() for item in items.values() if item is not None}
    invoices = {id: invoice_of(api, id) for id in sorted(filter(None, ids))}
    there = {id: invoice for id, invoice in invoices.items() if invoice is not None}
    own = {id for id, invoice in there.items() if is_own(session, invoice)}
    stuck = {id: found.sentence for id, invoice in there.items() if (found := find_standstill(invoice, now=now))}
    return Shown(items, named, notes, invoices, own, stuck)


def names(api: StripeApi, customer: str, since: Mapping[str, int]) -> dict[str, list[str]]:
    """Return the invoices that have a line with a name, by the name."""
    found: dict[str, list[str]] = defaultdict(list)
    for page in api.pages(PATHS["invoiceitem"], customer=customer, created=since):
        for row in page:
            name, invoice = (row.get("metadata") or {}).get(NAME), row.get("invoice")
            if name and invoice:
                found[name].append(str(invoice["id"] if isinstance(invoice, dict) else invoice))
    return found


def invoice_of(api: StripeApi, id: str) -> StripeInvoice | None:
    """Return an invoice, None where it was deleted."""
    found = api.find(f"{PATHS['invoice']}/{id}")
    return None if found is None else from_stripe(found, StripeInvoice)


def is_own(session: Session, invoice: StripeInvoice) -> bool:
    """Return whether an invoice is ours of pending charges."""
    key = session.signer.key_of((invoice.metadata or {}).get(FIELD)) or ""
    return key.startswith(f"{INVOICE}:")


def held(api: StripeApi, item: str) -> StripeInvoiceItem | None:
    """Return an invoice item, None where it was deleted."""
    found = api.find(f"{PATHS['invoiceitem']}/{item}")
    return None if found is None or found.get("deleted") else from_stripe(found, StripeInvoiceItem)


def still_open(
    connection: Connection,
    session: Session,
    rows: Iterable[OwedRow],
    shown: Shown,
    *,
    used: set[str],
    exempt: frozenset[str],
    at: datetime,
) -> list[OwedRow]:
    """Close what is done, and return the rest; of a charge that is seen first, keep whether Stripe removed its items."""
    name, left = session.environment.name, []
    ids = {id: key for key, id in links.of_ids(connection, name, {row.stripe_id for row in rows}).items()}
    is_credited = session.environment.stripe.end_proration == "propose"
    for row in rows:
        seen = replace(row, owed=as_seen(row.owed, shown))
        if seen.owed.removed is None and row.owed.kind in (OwedKind.CHARGE, OwedKind.UNUSED) and row.owed.items:
            gone = any(shown.items.get(id) is None for id in row.owed.items)
            owed.looked_at(connection, name, row, removed=gone)
            seen = replace(seen, owed=replace(seen.owed, removed=gone))
        by = EXEMPT if ids.get(row.stripe_id) in exempt else closed_by(seen.owed, shown, used=used)
        by = UNWANTED if row.owed.kind == OwedKind.UNUSED and not is_credited else by
        if by:
            owed.close(connection, name, row, by=by, at=at)
            used.add(by)
        else:
            owed.as_seen(connection, name, seen)
            left.append(seen)
    return left


def statuses_of(
    connection: Connection, environment: str, rows: Iterable[OwedRow], left: Iterable[OwedRow]
) -> list[EntityStatus]:
    """Return the statuses of the canceled subscriptions that had a row, and whose link is theirs still."""
    canceled = {(row.entity, row.stripe_id) for row in rows if row.customer}
    linked = set(links.of_ids(connection, environment, {id for _, id in canceled}).values())
    open_ones: dict[str, list[Owed]] = defaultdict(list)
    for row in left:
        open_ones[row.entity].append(row.owed)
    return [status_of(entity, id, open_ones[entity]) for entity, id in sorted(canceled) if id in linked]


def status_of(entity: str, id: str, rows: Sequence[Owed]) -> EntityStatus:
    """Return the status of a canceled subscription from its open rows; one with unused time alone is settled.

    Rows that only wait for Stripe are not reported.
    """
    sentences = " ".join(row.sentence() for row in rows if not row.waits)
    if all(row.kind == OwedKind.UNUSED or row.waits for row in rows):
        return EntityStatus("subscription", entity, Status.NO_SYNC_REQUIRED, ReasonCode.ENDED, sentences, id)
    return EntityStatus("subscription", entity, Status.PENDING, ReasonCode.NEEDS_A_PERSON, sentences, id)


def together(*groups: Iterable[EntityStatus]) -> list[EntityStatus]:
    """Return one status an entity: what waits for a person counts before what is settled, and sentences are joined."""
    found: dict[tuple[str, str], EntityStatus] = {}
    for status in (status for group in groups for status in group):
        before = found.get((status.kind, status.id))
        if before is None or before.status is not Status.PENDING:
            found[status.kind, status.id] = status
        elif status.status is Status.PENDING:
            found[status.kind, status.id] = replace(before, detail=f"{before.detail} {status.detail}")
    return list(found.values())
