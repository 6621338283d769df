"""Amounts that writes left to a person: each run asks Stripe about those that are open, closes what was done, tells the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from stripe_sync.clock import epoch
from stripe_sync.errors import RowFailed, Transient, UnknownShape
from stripe_sync.model.status import EntityStatus, Reason, Status
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.plan.actions import SUBSCRIPTIONS
from stripe_sync.plan.owed import NAME, Owed, Shown, closed_by
from stripe_sync.stripe_api.client import StripeApi
from stripe_sync.stripe_api.endpoints import PATHS
from stripe_sync.warehouse import candidates, links, owed
from stripe_sync.warehouse.owed import OwedRow

NOTES = "/v1/credit_notes"
EXEMPT = "a person exempted the subscription"
UNWANTED = "end_proration is none"


def owed_rows(session: Session, run: Run) -> list[EntityStatus]:
    """Close the rows that Stripe shows as done, and return the status of each canceled subscription that has one.

    A customer that could not be read keeps its rows; the next run reads it.
    """
    name = session.environment.name
    with session.engine.connect() as connection:
        rows = owed.open_rows(connection, name)
        if not rows:
            return []
        used = owed.used(connection, name, {row.customer for row in rows})
        exempt = candidates.ignored(connection, name)
    by_customer: dict[str, list[OwedRow]] = defaultdict(list)
    for row in rows:
        by_customer[row.customer].append(row)
    left: list[OwedRow] = []
    for customer, its in by_customer.items():
        try:
            shown = shown_of(session.stripe.in_lane(SUBSCRIPTIONS), customer, its)
        except (RowFailed, Transient, UnknownShape):
            left += its
            continue
        with session.engine.begin() as connection:
            left += still_open(connection, session, its, shown, used=used, exempt=exempt, at=run.now)
    with session.engine.connect() as connection:
        return statuses_of(connection, name, rows, left)


def shown_of(api: StripeApi, customer: str, rows: Sequence[OwedRow]) -> Shown:
    """Read what decides about the rows of one customer; without a customer they are about an invoice alone."""
    invoices = {id: api.find(f"{PATHS['invoice']}/{id}") for row in rows if (id := row.owed.invoice)}
    items = {id: held(api, id) for row in rows if row.owed.kind in ("charge", "foreign") for id in row.owed.items}
    if not customer:
        return Shown(items, (), (), invoices)
    since = {"gte": epoch(min(row.since for row in rows))}
    lines = (row for page in api.pages(PATHS["invoiceitem"], customer=customer, created=since) for row in page)
    named = {name for row in lines if row.get("invoice") and (name := (row.get("metadata") or {}).get(NAME))}
    credited = any(row.owed.kind == "credit" and row.owed.invoice is None for row in rows)
    pages = api.pages(NOTES, customer=customer, created=since) if credited else ()
    notes = [note for page in pages for note in page if note["status"] == "issued"]
    return Shown(items, named, notes, invoices)


def held(api: StripeApi, item: str) -> Mapping[str, Any] | None:
    """Return an invoice item, None where it was deleted."""
    found = api.find(f"{PATHS['invoiceitem']}/{item}")
    return None if found is None or found.get("deleted") else found


def still_open(
    connection: Connection, session: Session, rows: Iterable[OwedRow], shown: Shown,
    *, used: set[str], exempt: frozenset[str], at: datetime,
) -> list[OwedRow]:  # fmt: skip
    """Close what is done, and return the rest; of a charge that is seen first, keep whether Stripe removed its items."""
    name, left = session.environment.name, []
    ids = {id: key for key, id in links.of_ids(connection, name, {row.stripe_id for row in rows}).items()}
    is_credited = session.environment.end_proration == "propose"
    for row in rows:
        seen = row
        if row.owed.removed is None and row.owed.kind == "charge":
            gone = any(shown.items.get(id) is None for id in row.owed.items)
            owed.looked_at(connection, name, row, removed=gone)
            seen = replace(row, owed=replace(row.owed, removed=gone))
        by = EXEMPT if ids.get(row.stripe_id) in exempt else closed_by(seen.owed, shown, used=used)
        by = UNWANTED if row.owed.kind == "unused" and not is_credited else by
        if by:
            owed.close(connection, name, row, by=by, at=at)
            used.add(by)
        else:
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
    """Return the status of a canceled subscription from its open rows; one with unused time alone is settled."""
    told = " ".join(row.sentence() for row in rows)
    if all(row.kind == "unused" for row in rows):
        return EntityStatus("subscription", entity, Status.NO_SYNC_REQUIRED, Reason.ENDED, told, id)
    return EntityStatus("subscription", entity, Status.PENDING, Reason.NEEDS_A_PERSON, told, id)


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
