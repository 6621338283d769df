"""Reads of a Stigg environment as snapshot rows: everything, or the changes.

Customers have a time of change. Subscriptions have none, so all current ones are read, those that ended recently, and the
rest by id. The catalog is small and always read completely (docs/unknowns.md: does a plan's ``updatedAt`` change with its
prices?).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

from stripe_sync.clients.stigg.client import StiggApi, stamp
from stripe_sync.clients.stigg.documents import EVENT_LOGS, LISTS
from stripe_sync.domain.model.stigg_status import StiggStatus
from stripe_sync.warehouse.snapshots.staging import StagedRow

KINDS = tuple(LISTS)
CATALOG = ("product", "plan", "addon", "coupon")
LIVING = (StiggStatus.ACTIVE, StiggStatus.IN_TRIAL, StiggStatus.NOT_STARTED, StiggStatus.PAYMENT_PENDING)
OVERLAP = timedelta(minutes=10)
ENDED_LATELY = timedelta(days=2)
BY_ID = 25
UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
# The parts of an entity's id, joined by @: of a plan or add-on each version is one.
ID_PARTS: Mapping[str, tuple[str, ...]] = {
    "product": ("refId",),
    "plan": ("refId", "versionNumber"),
    "addon": ("refId", "versionNumber"),
    "coupon": ("refId",),
    "customer": ("customerId",),
    "subscription": ("subscriptionId",),
}
Filter = Mapping[str, Mapping[str, str | list[str]]]  # Stigg's conditions by field


def read(api: StiggApi) -> Iterator[StagedRow]:
    """Yield all rows of all kinds: every version of plans and add-ons, subscriptions in every status."""
    for kind in LISTS:
        yield from listed(api, kind)


def listed(api: StiggApi, kind: str, filter: Filter | None = None) -> Iterator[StagedRow]:
    """Yield the rows of one kind, optionally filtered."""
    root, document = LISTS[kind]
    variables = {"filter": filter} if filter is not None else {}
    for page in api.pages(root, document, **variables):
        for row in page:
            yield StagedRow(kind, "@".join(str(row[part]) for part in ID_PARTS[kind]), row)


def catalog(api: StiggApi) -> Iterator[StagedRow]:
    """Yield all products, plans, add-ons and coupons."""
    for kind in CATALOG:
        yield from listed(api, kind)


def changed_customers(api: StiggApi, since: datetime) -> Iterator[StagedRow]:
    """Yield the customers that changed since a time, with an overlap."""
    yield from listed(api, "customer", filter={"updatedAt": {"gte": stamp(since - OVERLAP)}})


def subscriptions(api: StiggApi, since: datetime, known: Collection[str]) -> Iterator[StagedRow]:
    """Yield current subscriptions, recently ended ones, and by id those of ``known`` that are in neither list."""
    missing = set(known)
    for row in listed(api, "subscription", filter={"status": {"in": list(LIVING)}}):
        missing.discard(row.id)
        yield row
    for row in listed(api, "subscription", filter={"effectiveEndDate": {"gte": stamp(since - ENDED_LATELY)}}):
        missing.discard(row.id)
        yield row
    yield from by_id(api, missing)


def by_id(api: StiggApi, ids: Collection[str]) -> Iterator[StagedRow]:
    """Yield subscriptions by their ids or by Stigg's UUIDs."""
    for field, selected in (
        ("id", [i for i in ids if UUID.match(i)]),
        ("subscriptionId", [i for i in ids if not UUID.match(i)]),
    ):
        ordered = sorted(selected)
        for begin in range(0, len(ordered), BY_ID):
            yield from listed(api, "subscription", filter={field: {"in": ordered[begin : begin + BY_ID]}})


def logged(api: StiggApi, since: datetime) -> set[str]:
    """Return the ids of subscriptions in Stigg's event logs since a time, with an overlap."""
    filters = {"createdAt": {"gte": stamp(since - OVERLAP)}, "entityType": {"eq": "SUBSCRIPTION"}}
    rows = (row for page in api.pages("eventLogs", EVENT_LOGS, filter=filters) for row in page)
    return {row["entityId"] for row in rows if row["entityId"]}
