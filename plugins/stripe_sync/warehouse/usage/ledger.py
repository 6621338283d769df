"""The ledger of usage: openings, windows, readings and movements are appended and never changed.

A window's quantity in each state is the sum of its movements, so nothing can be lost between states (invariant 10).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, text

from stripe_sync.warehouse.engine import dumps

State = Literal[
    "pending", "pushed", "proven", "billed", "reversed", "waived", "unbillable", "billed_before_us", "rounded"
]
OPEN = ("pending", "pushed")  # what still has to get onto an invoice
Chain = tuple[str, str]  # Stripe's subscription, the charge's name


@dataclass(frozen=True)
class OpeningRow:
    id: int
    since: datetime
    terms: dict[str, Any] | None
    measured: dict[str, Any]
    why: str


@dataclass(frozen=True)
class Window:
    """One window and where its quantity is. ``balances`` are (quantity, minor units) by state."""

    id: int
    subscription: str
    charge: str
    start: datetime
    end: datetime
    terms: dict[str, Any]
    measured: dict[str, Any]
    why: str
    quantity: Decimal | None
    read_at: datetime | None
    state: str | None
    invoice: str | None
    reason: str
    balances: Mapping[str, tuple[Decimal, Decimal]]

    def held(self, *states: str) -> tuple[Decimal, Decimal]:
        """(quantity, amount) in these states."""
        parts = [self.balances.get(state, (Decimal(0), Decimal(0))) for state in states]
        return sum((q for q, _ in parts), Decimal(0)), sum((a for _, a in parts), Decimal(0))


@dataclass(frozen=True)
class Invoice:
    """An invoice as it was last seen."""

    invoice: str
    subscription: str
    status: str
    bound: datetime
    created_at: datetime
    finalizes_at: datetime | None
    look_again: bool
    body: dict[str, Any]


def openings(connection: Connection, environment: str) -> dict[Chain, list[OpeningRow]]:
    """The openings of every charge that is not closed, or was closed by one of them; in order of time."""
    rows = connection.execute(
        text(
            "select id, subscription, charge, since, terms, measured, why from usage_opening "
            "where environment = :e order by since"
        ),
        {"e": environment},
    )
    found: dict[Chain, list[OpeningRow]] = defaultdict(list)
    for row in rows:
        found[row.subscription, row.charge].append(OpeningRow(row.id, row.since, row.terms, row.measured, row.why))
    return found


def open_charge(
    connection: Connection, environment: str, chain: Chain, *, since: datetime, terms: msgspec.Struct | None,
    measured: Any, run_id: str, why: str = "",
) -> None:  # fmt: skip
    """Opens a charge, opens it with other terms, or closes it (no terms). A second opening at one moment is not taken."""
    connection.execute(
        text(
            "insert into usage_opening (environment, subscription, charge, since, terms, measured, why, run_id) values "
            "(:e, :s, :c, :since, cast(:t as jsonb), cast(:m as jsonb), :why, :r) on conflict do nothing"
        ),
        {
            "e": environment, "s": chain[0], "c": chain[1], "since": since, "why": why, "r": run_id,
            "t": dumps(msgspec.to_builtins(terms)) if terms is not None else None,
            "m": dumps(measured if isinstance(measured, dict) else asdict(measured)),
        },
    )  # fmt: skip


def told_until(connection: Connection, environment: str) -> dict[Chain, datetime]:
    """Where the stored windows of each charge end."""
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
    """Stores a window; one that is there already is not stored again."""
    connection.execute(
        text(
            "insert into usage_window (environment, subscription, charge, opening_id, start_at, end_at, run_id) values "
            "(:e, :s, :c, :o, :start, :end, :r) on conflict do nothing"
        ),
        {"e": environment, "s": chain[0], "c": chain[1], "o": opening, "start": start, "end": end, "r": run_id},
    )


def windows(connection: Connection, environment: str, *, states: Iterable[str | None]) -> list[Window]:
    """The windows in some states (None: nothing was read yet), oldest first."""
    wanted = list(states)
    quick = "" if "billed" in wanted else "and not settled "
    return many(connection, f"{quick}and (state = any(:states) or (:new and state is null))", environment,
                states=[s for s in wanted if s is not None], new=None in wanted)  # fmt: skip


def window(connection: Connection, environment: str, id: int) -> Window | None:
    """One window by its number."""
    return next(iter(many(connection, "and id = :id", environment, id=id)), None)


def of_invoice(connection: Connection, environment: str, invoice: str) -> list[Window]:
    """The windows whose newest movement names an invoice."""
    return many(connection, "and invoice = :i", environment, i=invoice)


def many(connection: Connection, where: str, environment: str, **parameters: Any) -> list[Window]:
    rows = connection.execute(
        text(f"select * from usage_now where environment = :e {where} order by end_at, subscription, charge"),
        {"e": environment, **parameters},
    )
    return [
        Window(
            r.id, r.subscription, r.charge, r.start_at, r.end_at, r.terms, r.measured, r.why, r.quantity, r.read_at,
            r.state, r.invoice, r.reason or "", {s: (Decimal(q), Decimal(a)) for s, (q, a) in r.balances.items()},
        )
        for r in rows
    ]  # fmt: skip


def read(connection: Connection, window: int, quantity: Decimal, *, at: datetime, run_id: str) -> None:
    """What Stigg said a window's quantity is."""
    connection.execute(
        text("insert into usage_reading (window_id, quantity, read_at, run_id) values (:w, :q, :at, :r)"),
        {"w": window, "q": quantity, "at": at, "r": run_id},
    )


def move(
    connection: Connection, window: int, source: str, target: State, *, quantity: Decimal, amount: Decimal,
    at: datetime, run_id: str, invoice: str | None = None, reason: str = "", person: str = "",
) -> None:  # fmt: skip
    """One movement between two states; ``source`` is empty for what comes from Stigg."""
    connection.execute(
        text(
            "insert into usage_entry (window_id, from_state, to_state, quantity, amount, invoice, reason, person, run_id, "
            "moved_at) values (:w, :f, :t, :q, :a, :i, :reason, :p, :r, :at)"
        ),
        {
            "w": window, "f": source, "t": target, "q": quantity, "a": amount, "i": invoice, "reason": reason,
            "p": person, "r": run_id, "at": at,
        },
    )  # fmt: skip
    connection.execute(
        text("update usage_window set settled = :s where id = :w and settled <> :s"),
        {"w": window, "s": target == "billed"},
    )


def locked(connection: Connection, id: int) -> Window:
    """One window as it is now; nobody else moves anything of it before this transaction ends."""
    environment = connection.execute(
        text("select environment from usage_window where id = :id for update"), {"id": id}
    ).scalar_one()
    found = window(connection, environment, id)
    assert found is not None
    return found


def move_all(
    connection: Connection, window: Window, sources: Iterable[str], target: State, *, at: datetime, run_id: str,
    invoice: str | None = None, reason: str = "", person: str = "",
) -> None:  # fmt: skip
    """Everything of a window that lies in some states goes to another; one movement at least, so that the state is told."""
    now = locked(connection, window.id)
    found = [s for s in sources if s in now.balances and s != target]
    for source in [s for s in found if any(now.balances[s])] or found[-1:]:
        quantity, amount = now.balances[source]
        move(
            connection, window.id, source, target, quantity=quantity, amount=amount, at=at, run_id=run_id,
            invoice=invoice, reason=reason, person=person,
        )  # fmt: skip


def see(connection: Connection, environment: str, seen: Invoice, *, grace: int | None = None) -> None:
    """What an invoice is now; ``grace`` is how many seconds a draft that nobody moved waits, kept from the first time on."""
    connection.execute(
        text(
            "insert into usage_invoice (environment, invoice, subscription, status, bound, created_at, finalizes_at, body, "
            "grace) values (:e, :i, :s, :status, :b, :c, :f, cast(:body as jsonb), :g) "
            "on conflict (environment, invoice) do update set status = excluded.status, "
            "finalizes_at = excluded.finalizes_at, look_again = false, "
            "body = jsonb_strip_nulls(jsonb_build_object('covered', usage_invoice.body -> 'covered', "
            "'unowed', usage_invoice.body -> 'unowed')) || excluded.body, "
            "grace = coalesce(usage_invoice.grace, excluded.grace)"
        ),
        {
            "e": environment, "i": seen.invoice, "s": seen.subscription, "status": seen.status, "b": seen.bound,
            "c": seen.created_at, "f": seen.finalizes_at, "body": dumps(seen.body), "g": grace,
        },
    )  # fmt: skip


SEEN = "select invoice, subscription, status, bound, created_at, finalizes_at, look_again, body from usage_invoice "


def invoices(
    connection: Connection, environment: str, windows: Iterable[Window], *, also: Iterable[str] = ()
) -> list[Invoice]:
    """The invoices that may bill some windows, and the drafts of ``also`` some subscriptions, in order of what they bill."""
    given = list(windows)
    rows = connection.execute(
        text(
            SEEN + "where environment = :e and ((subscription = any(:s) and bound >= :since) "
            "or (subscription = any(:also) and status = 'draft')) order by bound, created_at"
        ),
        {
            "e": environment, "s": list({w.subscription for w in given}), "also": list(also),
            "since": min((w.end for w in given), default=None),
        },
    )  # fmt: skip
    return [Invoice(**row._asdict()) for row in rows]


def bounds(connection: Connection, environment: str, *, since: datetime) -> dict[str, set[datetime]]:
    """When the renewals were whose invoices were seen, by subscription."""
    rows = connection.execute(
        text("select subscription, bound from usage_invoice where environment = :e and bound >= :since"),
        {"e": environment, "since": since},
    )
    found: dict[str, set[datetime]] = defaultdict(set)
    for row in rows:
        found[row.subscription].add(row.bound)
    return found


def invoice(connection: Connection, environment: str, id: str) -> Invoice | None:
    """One invoice as it was last seen."""
    row = connection.execute(
        text(SEEN + "where environment = :e and invoice = :i"),
        {"e": environment, "i": id},
    ).first()
    return Invoice(**row._asdict()) if row else None


def look_again(connection: Connection, environment: str, invoices: Iterable[str]) -> None:
    """These invoices were changed by others after they were finalized."""
    connection.execute(
        text("update usage_invoice set look_again = true where environment = :e and invoice = any(:i)"),
        {"e": environment, "i": list(invoices)},
    )


def drafts_of(connection: Connection, environment: str, subscriptions: Iterable[str]) -> list[Invoice]:
    """The drafts of some subscriptions that were seen before."""
    rows = connection.execute(
        text(SEEN + "where environment = :e and status = 'draft' and subscription = any(:s) order by bound"),
        {"e": environment, "s": list(subscriptions)},
    )
    return [Invoice(**row._asdict()) for row in rows]


def invoices_of(connection: Connection, environment: str, subscriptions: Iterable[str]) -> list[Invoice]:
    """The invoices of some subscriptions that were seen before."""
    rows = connection.execute(
        text(SEEN + "where environment = :e and subscription = any(:s) order by bound"),
        {"e": environment, "s": list(subscriptions)},
    )
    return [Invoice(**row._asdict()) for row in rows]


def mark_unowed(connection: Connection, environment: str, invoices: Iterable[str], *, is_unowed: bool = True) -> None:
    """Note that invoices sell a period after the end of their subscription, where nothing more is billed on them, or not."""
    connection.execute(
        text(
            "update usage_invoice set body = body || jsonb_build_object('unowed', cast(:is as boolean)) "
            "where environment = :e and invoice = any(:i)"
        ),
        {"e": environment, "i": list(invoices), "is": is_unowed},
    )


def unowed_drafts(connection: Connection, environment: str) -> list[Invoice]:
    """The drafts on which nothing is billed because they sell a period after an end."""
    rows = connection.execute(
        text(SEEN + "where environment = :e and status = 'draft' and body->'unowed' = 'true'::jsonb order by bound"),
        {"e": environment},
    )
    return [Invoice(**row._asdict()) for row in rows]


def looked_for(connection: Connection, environment: str, *, now: datetime) -> list[Invoice]:
    """Drafts whose time has come, and invoices that were changed: what has to be read again."""
    rows = connection.execute(
        text(
            SEEN
            + "where environment = :e and (look_again or (status = 'draft' and finalizes_at <= :now)) order by bound"
        ),
        {"e": environment, "now": now},
    )
    return [Invoice(**row._asdict()) for row in rows]


def drafts_in(connection: Connection, environment: str, ids: Iterable[str]) -> list[Invoice]:
    """The drafts among some invoices, as they were last seen."""
    rows = connection.execute(
        text(SEEN + "where environment = :e and status = 'draft' and invoice = any(:i) order by bound, invoice"),
        {"e": environment, "i": list(ids)},
    )
    return [Invoice(**row._asdict()) for row in rows]


def counts(connection: Connection, environment: str, *, since: datetime) -> dict[str, int]:
    """How many of the windows that ended since a moment are in each state."""
    rows = connection.execute(
        text(
            "select coalesce(state, 'due') as state, count(*) as n from usage_now "
            "where environment = :e and end_at >= :since group by 1"
        ),
        {"e": environment, "since": since},
    )
    return {row.state: row.n for row in rows}


def finished_items(connection: Connection, environment: str) -> tuple[frozenset[str], frozenset[str]]:
    """The Stripe items of usage of which nothing is left to be billed: (those that count no more and are proven, those of
    which everything that was closed is on a finalized invoice, so that their price may change (BILLING 7)).
    """
    told, chains = told_until(connection, environment), openings(connection, environment)
    open_windows = windows(connection, environment, states=(None, *OPEN, "proven"))
    waiting = {w.measured["item"] for w in open_windows}
    unfinished = {w.measured["item"] for w in open_windows if w.state != "proven"}
    free: dict[str, bool] = {}
    for chain, rows in chains.items():
        for item in {row.measured["item"] for row in rows}:
            later = next((r for r in reversed(rows) if r.terms is not None and r.measured["item"] == item), rows[0])
            after = [r.since for r in rows if r.since > later.since]
            over = bool(after) and told.get(chain, rows[0].since) >= min(after)
            free[item] = free.get(item, True) and over and item not in unfinished
    return frozenset(item for item, is_free in free.items() if is_free), frozenset(free.keys() - waiting)


def pushes(connection: Connection, window: int) -> list[Decimal]:
    """The quantities that were sent to a meter for a window, in order."""
    rows = connection.execute(
        text("select quantity from usage_entry where window_id = :w and to_state = 'pushed' order by id"), {"w": window}
    )
    return [Decimal(row.quantity) for row in rows]


def finalizes(connection: Connection, environment: str, invoice: str, moment: datetime | None) -> None:
    """When a draft is finalized after we moved that."""
    connection.execute(
        text("update usage_invoice set finalizes_at = :m where environment = :e and invoice = :i"),
        {"e": environment, "i": invoice, "m": moment},
    )
