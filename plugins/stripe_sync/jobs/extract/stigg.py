"""A Stigg environment as rows of its mirror: everything, or what changed.

Customers tell when they changed; subscriptions do not, so the living ones are read whole, those that ended lately beside
them, and one that is in neither by its id. The catalog is small and always read whole (does a plan's ``updatedAt`` move with
its prices? docs/unknowns.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from stripe_sync.clients.stigg.client import StiggApi, stamp
from stripe_sync.clients.stigg.documents import EVENT_LOGS, LISTS
from stripe_sync.domain.model.stigg_status import StiggStatus
from stripe_sync.warehouse.snapshots.staging import Landed

KINDS = tuple(LISTS)
CATALOG = ("product", "plan", "addon", "coupon")
LIVING = (StiggStatus.ACTIVE, StiggStatus.IN_TRIAL, StiggStatus.NOT_STARTED, StiggStatus.PAYMENT_PENDING)
OVERLAP = timedelta(minutes=10)
ENDED_LATELY = timedelta(days=2)
BY_ID = 25
UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
IDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "product": lambda row: str(row["refId"]),
    "plan": lambda row: f"{row['refId']}@{row['versionNumber']}",
    "addon": lambda row: f"{row['refId']}@{row['versionNumber']}",
    "coupon": lambda row: str(row["refId"]),
    "customer": lambda row: str(row["customerId"]),
    "subscription": lambda row: str(row["subscriptionId"]),
}


def read(api: StiggApi) -> Iterator[Landed]:
    """All rows of all kinds; every version of plans and add-ons, every subscription whatever its status."""
    for kind in LISTS:
        yield from listed(api, kind)


def listed(api: StiggApi, kind: str, **variables: Any) -> Iterator[Landed]:
    """The rows of one kind, of a filter if one is given."""
    root, document = LISTS[kind]
    for page in api.pages(root, document, **variables):
        for row in page:
            yield kind, IDS[kind](row), row


def catalog(api: StiggApi) -> Iterator[Landed]:
    """Products, plans, add-ons and coupons, all of them."""
    for kind in CATALOG:
        yield from listed(api, kind)


def changed_customers(api: StiggApi, since: datetime) -> Iterator[Landed]:
    """The customers that changed since a moment, with an overlap."""
    yield from listed(api, "customer", filter={"updatedAt": {"gte": stamp(since - OVERLAP)}})


def subscriptions(api: StiggApi, since: datetime, known: Collection[str]) -> Iterator[Landed]:
    """The living subscriptions, those that ended lately, and by id those of ``known`` living ones that neither shows."""
    missing = set(known)
    for landed in listed(api, "subscription", filter={"status": {"in": list(LIVING)}}):
        missing.discard(landed[1])
        yield landed
    for landed in listed(api, "subscription", filter={"effectiveEndDate": {"gte": stamp(since - ENDED_LATELY)}}):
        missing.discard(landed[1])
        yield landed
    yield from by_id(api, missing)


def by_id(api: StiggApi, ids: Collection[str]) -> Iterator[Landed]:
    """Subscriptions by their ids, or by Stigg's own UUIDs of them."""
    for field, wanted in (
        ("id", [i for i in ids if UUID.match(i)]),
        ("subscriptionId", [i for i in ids if not UUID.match(i)]),
    ):
        ordered = sorted(wanted)
        for begin in range(0, len(ordered), BY_ID):
            yield from listed(api, "subscription", filter={field: {"in": ordered[begin : begin + BY_ID]}})


def logged(api: StiggApi, since: datetime) -> set[str]:
    """The ids of the subscriptions that Stigg's event logs name since a moment, with an overlap."""
    found = {"createdAt": {"gte": stamp(since - OVERLAP)}, "entityType": {"eq": "SUBSCRIPTION"}}
    rows = (row for page in api.pages("eventLogs", EVENT_LOGS, filter=found) for row in page)
    return {row["entityId"] for row in rows if row["entityId"]}
