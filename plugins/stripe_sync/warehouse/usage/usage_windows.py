"""Openings of charges and windows of usage: appended, and never changed.

A window's quantity in each state is the sum of its movements, so nothing can be lost between states (invariant 10).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, text

from stripe_sync.core.decoding import typed
from stripe_sync.domain.usage.ledger import BILLABLE, Balance, UsageState
from stripe_sync.domain.usage.terms import Terms
from stripe_sync.domain.usage.windows import Chain, Measured, Opening, Window
from stripe_sync.warehouse.engine import dumps


def openings(connection: Connection, environment: str) -> dict[Chain, list[Opening]]:
    """Return the openings of every charge, the one that closed it included, in order of time."""
    rows = connection.execute(
        text(
            "select id, subscription, charge, since, terms, measured, why from usage_opening "
            "where environment = :e order by since"
        ),
        {"e": environment},
    )
    found: dict[Chain, list[Opening]] = defaultdict(list)
    for row in rows:
        terms = typed(row.terms, Terms) if row.terms is not None else None
        opening = Opening(row.id, row.since, terms, Measured(**row.measured), row.why)
        found[row.subscription, row.charge].append(opening)
    return found


def open_charge(
    connection: Connection,
    environment: str,
    chain: Chain,
    *,
    since: datetime,
    terms: Terms | None,
    measured: Measured,
    run_id: str,
    why: str = "",
) -> None:
    """Open a charge, open it with other terms, or close it (no terms). A second opening at one moment is not stored."""
    connection.execute(
        text(
            "insert into usage_opening (environment, subscription, charge, since, terms, measured, why, run_id) values "
            "(:e, :s, :c, :since, cast(:t as jsonb), cast(:m as jsonb), :why, :r) on conflict do nothing"
        ),
        {
            "e": environment,
            "s": chain[0],
            "c": chain[1],
            "since": since,
            "why": why,
            "r": run_id,
            "t": dumps(msgspec.to_builtins(terms)) if terms is not None else None,
            "m": dumps(asdict(measured)),
        },
    )


def covered_until(connection: Connection, environment: str) -> dict[Chain, datetime]:
    """Return where the stored windows of each charge end."""
    rows = connection.execute(
        text(
            "select subscription, charge, max(end_at) as until from usage_window where environment = :e "
            "group by subscription, charge"
        ),
        {"e": environment},
    )
    return {(row.subscription, row.charge): row.until for row in rows}


def add_window(
    connection: Connection, environment: str, chain: Chain, *, opening: int, start: datetime, end: datetime, run_id: str
) -> None:
    """Store a window; one that is there already is not stored again."""
    connection.execute(
        text(
            "insert into usage_window (environment, subscription, charge, opening_id, start_at, end_at, run_id) values "
            "(:e, :s, :c, :o, :start, :end, :r) on conflict do nothing"
        ),
        {"e": environment, "s": chain[0], "c": chain[1], "o": opening, "start": start, "end": end, "r": run_id},
    )


def in_states(connection: Connection, environment: str, states: Iterable[UsageState]) -> list[Window]:
    """Return the windows in some states, oldest first."""
    chosen = list(states)
    quick = "" if UsageState.BILLED in chosen else "and not settled "
    values = [state.value for state in chosen]
    return _select(connection, environment, f"{quick}and coalesce(state, '') = any(:states)", states=values)


def by_id(connection: Connection, environment: str, id: int) -> Window | None:
    """Return one window by its number."""
    return next(iter(_select(connection, environment, "and id = :id", id=id)), None)


def of_invoice(connection: Connection, environment: str, invoice: str) -> list[Window]:
    """Return the windows whose newest movement names an invoice."""
    return _select(connection, environment, "and invoice = :i", i=invoice)


def _select(connection: Connection, environment: str, where: str, **parameters: object) -> list[Window]:
    rows = connection.execute(
        text(f"select * from usage_now where environment = :e {where} order by end_at, subscription, charge"),
        {"e": environment, **parameters},
    )
    return [_window(row) for row in rows]


def _window(row: Row[Any]) -> Window:
    return Window(
        id=row.id,
        subscription=row.subscription,
        charge=row.charge,
        start=row.start_at,
        end=row.end_at,
        terms=typed(row.terms, Terms),
        measured=Measured(**row.measured),
        quantity=row.quantity,
        read_at=row.read_at,
        state=UsageState(row.state or ""),
        invoice=row.invoice,
        reason=row.reason or "",
        balances={UsageState(s): Balance(Decimal(q), Decimal(a)) for s, (q, a) in row.balances.items()},
    )


def locked(connection: Connection, id: int) -> Window:
    """Return one window as it is now, and lock it until this transaction ends."""
    environment = connection.execute(
        text("select environment from usage_window where id = :id for update"), {"id": id}
    ).scalar_one()
    found = by_id(connection, environment, id)
    assert found is not None
    return found


def counts(connection: Connection, environment: str, *, since: datetime) -> dict[str, int]:
    """Count the windows that ended since a moment, by state; those that were never read are 'due'."""
    rows = connection.execute(
        text(
            "select coalesce(state, 'due') as state, count(*) as n from usage_now "
            "where environment = :e and end_at >= :since group by 1"
        ),
        {"e": environment, "since": since},
    )
    return {row.state: row.n for row in rows}


def finished_items(connection: Connection, environment: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the Stripe items of usage of which nothing is left to be billed: (those that count no more and are proven, those of
    which everything that was closed is on a finalized invoice, so that their price may change (BILLING 7)).
    """
    covered, chains = covered_until(connection, environment), openings(connection, environment)
    open_windows = in_states(connection, environment, (UsageState.REPORTED, *BILLABLE))
    waiting = {w.measured.item for w in open_windows}
    unfinished = {w.measured.item for w in open_windows if w.state is not UsageState.VERIFIED}
    free: dict[str, bool] = {}
    for chain, rows in chains.items():
        for item in {row.measured.item for row in rows}:
            later = next((r for r in reversed(rows) if r.terms is not None and r.measured.item == item), rows[0])
            after = [r.since for r in rows if r.since > later.since]
            over = bool(after) and covered.get(chain, rows[0].since) >= min(after)
            free[item] = free.get(item, True) and over and item not in unfinished
    return frozenset(item for item, is_free in free.items() if is_free), frozenset(free.keys() - waiting)
