"""What an invoice of a renewal bills in advance, beside what Stigg wanted it to: a part of the audit of a month.

What Stigg wanted is what the last comparison before the renewal stored; where none was kept nothing is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from stripe_sync.core.money import round_minor
from stripe_sync.domain.actual.renewals import is_over, is_renewal, item_lines
from stripe_sync.domain.model import tariffs
from stripe_sync.domain.model.price_content import UsageType, decode
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.metering import price_of
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import dumps, run_sql

LONG = 200 * 86_400  # seconds; a longer period is a year


def in_advance(connection: Connection, environment: str, invoices: Iterable[Invoice]) -> dict[str, tuple[int, int]]:
    """(expected, invoiced) of each renewal's items by invoice, minor units before discounts and tax."""
    renewals = {i.invoice: i for i in invoices if is_renewal(i.body) and i.status != InvoiceStatus.VOID}
    prices = {price for i in renewals.values() for line in item_lines(i.body) if (price := price_of(line))}
    ids = {i.subscription for i in renewals.values()} | prices
    known = {id: key for key, id in links.of_ids(connection, environment, ids).items()}
    asked = [
        {"invoice": id, "key": known[i.subscription], "at": f"{i.created_at:%Y-%m-%dT%H:%M:%SZ}"}
        for id, i in renewals.items()
        if i.subscription in known
    ]
    wanted: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in run_sql(connection, "audit/in_advance", environment=environment, requests=dumps(asked)):
        wanted[row["invoice"]].append(row)
    found = {}
    for id, rows in wanted.items():
        lines = renewed(renewals[id].body, known)
        expected = expected_of(rows, {rhythm(line) for line in lines})
        if expected is not None:
            found[id] = (expected, sum(int(line["amount"]) for line in lines))
    return found


def renewed(body: Mapping[str, Any], known: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The lines of our own items for the period that begins."""
    return [line for line in item_lines(body) if not is_over(line, body) and price_of(line) in known]


def rhythm(line: Mapping[str, Any]) -> str:
    return "year" if line["period"]["end"] - line["period"]["start"] > LONG else "month"


def expected_of(rows: Iterable[Mapping[str, Any]], rhythms: set[str]) -> int | None:
    """What items cost for one period, each part rounded as a line is; None where a price is not known any more.

    Of a subscription with several rhythms those count whose period begins.
    """
    total = 0
    given = list(rows)
    several = len({row["content"]["interval"] for row in given if row["content"]}) > 1
    for row in given:
        content = row["content"]
        if content is None:
            return None
        if content["usage_type"] == UsageType.METERED or (several and content["interval"] not in rhythms):
            continue
        tariff = tariffs.of_content(decode(content))
        if tariff is None:
            return None
        total += sum(round_minor(part) for part in tariff.parts(Decimal(row["quantity"])))
    return total
