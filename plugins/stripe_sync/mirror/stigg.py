"""Everything of a Stigg environment, as rows of its mirror."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stripe_sync.stigg_api.client import StiggApi
from stripe_sync.stigg_api.documents import LISTS
from stripe_sync.warehouse.snapshots import Landed

KINDS = tuple(LISTS)
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
    for kind, (root, document) in LISTS.items():
        for page in api.pages(root, document):
            for row in page:
                yield kind, IDS[kind](row), row
