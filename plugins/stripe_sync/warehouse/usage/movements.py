"""Readings of windows and movements between their states: appended, and never changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, insert, select, update

from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.ledger import Drain, Movement, UsageState
from stripe_sync.warehouse.tables.usage import usage_movement, usage_reading, usage_window
from stripe_sync.warehouse.usage.usage_windows import locked


def add_reading(connection: Connection, window: int, quantity: Decimal, *, at: datetime, run_id: str) -> None:
    """Store the quantity of a window as Stigg reported it."""
    row = {"window_id": window, "quantity": quantity, "read_at": at, "run_id": run_id}
    connection.execute(insert(usage_reading).values(row))


def move(connection: Connection, movement: Movement, *, at: datetime, run_id: str) -> None:
    """Store one movement between two states. Raises TransitionRefused for one that is not permitted."""
    ledger.check(movement)
    connection.execute(
        insert(usage_movement).values(
            window_id=movement.window,
            from_state=movement.source.value,
            to_state=movement.target.value,
            quantity=movement.balance.quantity,
            amount=movement.balance.amount,
            invoice=movement.invoice,
            reason=movement.reason,
            person=movement.person,
            run_id=run_id,
            recorded_at=at,
        )
    )
    of, settled = usage_window.c, movement.target is UsageState.BILLED
    differs = of.settled.is_not(settled)
    connection.execute(update(usage_window).where(of.id == movement.window, differs).values(settled=settled))


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
    of = usage_movement.c
    query = select(of.quantity).where(of.window_id == window, of.to_state == UsageState.SUBMITTED.value).order_by(of.id)
    return [Decimal(quantity) for quantity in connection.execute(query).scalars()]
