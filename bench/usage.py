"""Reading use in Stigg, many pairs of customer and feature, beside a bare loop on the same stub."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import msgspec

from stripe_sync.clients.stigg.documents import USAGE_HISTORY
from stripe_sync.core.clock import SystemClock
from stripe_sync.core.config.connections import Connection
from stripe_sync.core.settings import Environment, UsageSettings
from stripe_sync.domain.model.price_content import EncodedPrice
from stripe_sync.domain.usage.terms import Terms
from stripe_sync.domain.usage.windows import Measured, Window
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.jobs.usage.steps.read_quantities import read_all
from stripe_sync.warehouse import engine

WORKERS = 8


def windows(count: int) -> list[Window]:
    """Windows of one period, each of another customer."""
    begin = datetime(2027, 1, 2, tzinfo=UTC)
    content: EncodedPrice = {"currency": "usd", "interval": "month", "interval_count": "1", "unit_amount": "1"}
    terms = Terms(content=content, label="calls", product="product:bench:plan:pro:calls")
    return [
        Window(
            id=n,
            subscription=f"sub_{n}",
            charge="calls",
            start=begin,
            end=begin + timedelta(days=13),
            terms=terms,
            measured=Measured(f"s-{n}", f"c-{n}", "calls", None, f"si_{n}"),
            balances={},
        )
        for n in range(count)
    ]


def by_pipeline(warehouse: str, url: str, count: int, *, per_minute: int, name: str) -> float:
    """Readings a second, as the usage job makes them."""
    environment = Environment(
        name=name, stripe_account="acct_bench", usage=UsageSettings(reads_per_minute=per_minute), workers=WORKERS
    )
    given = Connection("stigg_default", "stigg", host=url, password="key")
    session = Session(environment, engine.connect(warehouse), lambda _: given, SystemClock())
    started = time.monotonic()
    found = read_all(session, windows(count))
    seconds = time.monotonic() - started
    session.close()
    assert {r.quantity for r in found} == {Decimal("1306.5")}, found[0]
    return count / seconds


def bare(url: str, count: int) -> float:
    """Readings a second of a loop that only asks and decodes, with as many threads."""
    decoder = msgspec.json.Decoder(float_hook=Decimal)
    given = {"customerId": "c", "featureId": "calls", "includeInactiveSubscriptions": True,
             "startDate": "2026-11-28T00:00:00.000Z", "endDate": "2027-01-15T00:00:00.000Z"}  # fmt: skip
    body = {"query": USAGE_HISTORY, "operationName": "UsageHistory", "variables": {"input": given}}
    with httpx.Client() as client, ThreadPoolExecutor(WORKERS) as pool:

        def ask(_: int) -> Any:
            return decoder.decode(client.post(f"{url}/graphql", json=body).content)["data"]

        started = time.monotonic()
        list(pool.map(ask, range(count)))
        return count / (time.monotonic() - started)
