"""Readings of windows and movements between their states: appended, and never changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, text

from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.ledger import Drain, Movement, UsageState
from stripe_sync.warehouse.usage.usage_windows import locked


def add_reading(connection: Connection, window: int, quantity: Decimal, *, at: datetime, run_id: str) -> None:
    """Store the quantity of a window as Stigg reported it."""
    connection.execute(
        text("insert into usage_reading (window_id, quantity, read_at, run_id) values (:w, :q, :at, :r)"),
        {"w": window, "q": quantity, "at": at, "r": run_id},
    )


def move(connection: Connection, movement: Movement, *, at: datetime, run_id: str) -> None:
    """Store one movement between two states. Raises TransitionRefused for one that is not permitted."""
    ledger.check(movement)
    connection.execute(
        text(
            "insert into usage_entry (window_id, from_state, to_state, quantity, amount, invoice, reason, person, run_id, "
            "moved_at) values (:w, :f, :t, :q, :a, :i, :reason, :p, :r, :at)"
        ),
        {
            "w": movement.window,
            "f": movement.source.value,
            "t": movement.target.value,
            "q": movement.balance.quantity,
            "a": movement.balance.amount,
            "i": movement.invoice,
            "reason": movement.reason,
            "p": movement.person,
            "r": run_id,
            "at": at,
        },
    )
    connection.execute(
        text("update usage_window set settled = :s where id = :w and settled <> :s"),
        {"w": movement.window, "s": movement.target is UsageState.BILLED},
    )


def drain(connection: Connection, drain: Drain, *, at: datetime, run_id: str) -> None:
    """Move everything that lies in some states of a window now, under a lock on it."""
    for movement in drain.movements(locked(connection, drain.window).balances):
        move(connection, movement, at=at, run_id=run_id)


def store(connection: Connection, drains: Iterable[Drain], *, at: datetime, run_id: str) -> None:
    """Move what some decisions say, in their order."""
    for one in drains:
        drain(connection, one, at=at, run_id=run_id)


def sent_quantities(connection: Connection, window: int) -> list[Decimal]:
    """Return the quantities that were sent to a meter for a window, in order."""
    rows = connection.execute(
        text("select quantity from usage_entry where window_id = :w and to_state = 'pushed' order by id"), {"w": window}
    )
    return [Decimal(row.quantity) for row in rows]
