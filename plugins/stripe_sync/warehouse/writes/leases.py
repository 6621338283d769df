"""Leases, by which one run at a time writes in a lane, and pauses, which stop everybody.

A lease has an epoch that rises with every holder; intents are committed under it, so a worker that wakes up after its
lease was taken can start no call. Time is the database's.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from stripe_sync.core.errors import FatalError, NotReady, Transient
from stripe_sync.core.lanes import Lane
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.tables import writes as tables

log = logging.getLogger(__name__)
SECONDS = 60
HEARTBEAT = SECONDS / 4
MAX_SKIPPED_RUNS = 3  # runs in a row that may skip a lane before a person has to check it


@dataclass(frozen=True)
class Lease:
    """The right to write in one lane of one environment."""

    environment: str
    lane: Lane
    holder: str
    epoch: int


@contextmanager
def held(engine: Engine, environment: str, lane: Lane, *, holder: str) -> Iterator[Lease]:
    """Hold the lane while the block runs, with a heartbeat. Raises NotReady, with the holder."""
    lease = take(engine, environment, lane, holder)
    with kept(engine, lease):
        yield lease


@contextmanager
def kept(engine: Engine, lease: Lease) -> Iterator[None]:
    """Extend a lease while the block runs, and give it back after it.

    After a database error it is extended again and again until it has ended; then no intent is committed under it.
    """
    stop = threading.Event()

    def beat() -> None:
        ends, wait = time.monotonic() + SECONDS, HEARTBEAT
        while not stop.wait(wait) and time.monotonic() < ends:
            began = time.monotonic()
            try:
                if not extend(engine, lease, SECONDS):
                    return
            except SQLAlchemyError as error:
                log.warning(
                    "The lease of lane %s was not extended; it is tried again: %s", lease.lane, type(error).__name__
                )
                wait = HEARTBEAT / 15
            else:
                ends, wait = began + SECONDS, HEARTBEAT

    thread = threading.Thread(target=beat, daemon=True, name=f"lease-{lease.lane}")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        extend(engine, lease, 0)


def take(engine: Engine, environment: str, lane: Lane, holder: str, *, counted: bool = True) -> Lease:
    """Take a lane that is free or whose holder's time is over.

    Raises NotReady, with the holder, and FatalError the third time in a row that is ``counted``; Transient where the holder is an earlier
    try of the same run, which may be dead.
    """
    other = None
    skipped = tables.lane_skip_count.c
    with engine.begin() as connection:
        epoch = _raise_epoch(connection, environment, lane, holder)
        if epoch is None:
            other = _holder(connection, environment, lane)
        else:
            connection.execute(
                delete(tables.lane_skip_count).where(skipped.environment == environment, skipped.lane == lane)
            )
    if epoch is not None:
        return Lease(environment, lane, holder, epoch)
    if other == holder:
        raise Transient(f"An earlier try of this run still holds the lane {lane}; its lease ends in {SECONDS} s.")
    times = skip(engine, environment, lane, str(other)) if counted else 0
    held = f"The lane {lane} of {environment} is being written by {other}"
    if times >= MAX_SKIPPED_RUNS:
        raise FatalError(f"{held}, and was skipped by {times} runs in a row. Check whether that run hangs, and end it.")
    raise NotReady(f"{held}; this run skips it.")


def _raise_epoch(connection: Connection, environment: str, lane: str, holder: str) -> int | None:
    """Give a lane that is free to a holder, and return the epoch; None while another has it."""
    lease = tables.lease.c
    given = {"holder": holder, "expires_at": func.now() + timedelta(seconds=SECONDS)}
    epoch: int | None = connection.execute(
        insert(tables.lease)
        .values(environment=environment, lane=lane, epoch=1, **given)
        .on_conflict_do_update(
            index_elements=[lease.environment, lease.lane],
            set_=given | {"epoch": lease.epoch + 1},
            where=lease.expires_at <= func.now(),
        )
        .returning(lease.epoch)
    ).scalar()
    return epoch


def _holder(connection: Connection, environment: str, lane: str) -> str | None:
    lease = tables.lease.c
    found: str | None = connection.execute(
        select(lease.holder).where(lease.environment == environment, lease.lane == lane)
    ).scalar()
    return found


def skip(engine: Engine, environment: str, lane: str, holder: str) -> int:
    """Count one more run that had to leave a lane alone; return the number of them in a row."""
    skipped = tables.lane_skip_count.c
    counted = (
        insert(tables.lane_skip_count)
        .values(environment=environment, lane=lane, times=1, holder=holder)
        .on_conflict_do_update(
            index_elements=[skipped.environment, skipped.lane],
            set_={"times": skipped.times + 1, "holder": holder},
        )
        .returning(skipped.times)
    )
    with engine.begin() as connection:
        times: int = connection.execute(counted).scalar_one()
    return times


def extend(engine: Engine, lease: Lease, seconds: int) -> bool:
    """Move the end of a lease that was not taken over; return whether that is so."""
    with engine.begin() as connection:
        found = connection.execute(
            update(tables.lease).where(*_is(lease)).values(expires_at=func.now() + timedelta(seconds=seconds))
        )
    return found.rowcount == 1


def is_current(engine: Engine, lease: Lease) -> bool:
    """Return whether a lease has not ended and was not taken over."""
    query = select(tables.lease.c.epoch).where(*_is(lease), tables.lease.c.expires_at > func.now())
    with connect_to_read(engine) as connection:
        return connection.execute(query).first() is not None


def _is(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of a lease's row with its epoch."""
    of = tables.lease.c
    return of.environment == lease.environment, of.lane == lease.lane, of.epoch == lease.epoch


def pause_reason(engine: Engine, environment: str, lane: str) -> str | None:
    """Return the reason of a lane's pause, or None. It is read before every write."""
    of = tables.lane_pause.c
    query = select(of.reason, of.paused_by).where(of.environment == environment, of.lane.in_(["", lane])).limit(1)
    with connect_to_read(engine) as connection:
        row = connection.execute(query).first()
    return f"{row.reason} ({row.paused_by})" if row else None


def pause(connection: Connection, environment: str, lane: str, *, reason: str, person: str) -> None:
    """Pause a lane; all of them for an empty lane."""
    given = {"reason": reason, "paused_by": person}
    connection.execute(
        insert(tables.lane_pause)
        .values(environment=environment, lane=lane, **given)
        .on_conflict_do_update(index_elements=[tables.lane_pause.c.environment, tables.lane_pause.c.lane], set_=given)
    )


def resume(connection: Connection, environment: str, lane: str) -> bool:
    """End a pause; return whether there was one."""
    of = tables.lane_pause.c
    done = connection.execute(
        delete(tables.lane_pause).where(of.environment == environment, of.lane == lane).returning(of.lane)
    )
    return done.first() is not None


def pauses(engine: Engine, environment: str) -> dict[str, str]:
    """Return the reason of each paused lane; an empty lane is all of them."""
    of = tables.lane_pause.c
    query = select(of.lane, of.reason, of.paused_by).where(of.environment == environment).order_by(of.lane)
    with connect_to_read(engine) as connection:
        rows = connection.execute(query)
        return {row.lane: f"{row.reason} ({row.paused_by})" for row in rows}
