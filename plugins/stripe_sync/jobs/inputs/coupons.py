"""The content of coupons that the pipeline created, as its journal holds it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from stripe_sync.domain.usage.final_terms import RecordedCoupon
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.writes import journal


def recorded_coupons(connection: Connection, environment: str, ids: Iterable[str]) -> dict[str, RecordedCoupon]:
    """Return the content of our coupons among these Stripe ids, also of those deleted since; unknown ids are left out."""
    retired = links.retired_coupons(connection, environment)
    found = {}
    for id in ids:
        key = links.key_of(connection, environment, id) or retired.get(id)
        made = journal.newest_created(connection, environment, key) if key else None
        if made is not None:
            content = made["after"]
            percent, amounts = content.get("percent_off"), content.get("amount_off") or {}
            found[id] = RecordedCoupon(
                None if percent is None else str(percent), {k: str(v) for k, v in amounts.items()}
            )
    return found
