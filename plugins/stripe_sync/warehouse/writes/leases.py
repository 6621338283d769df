"""Who may write in a lane, and the brake that stops everybody.

A lease has an epoch that rises with every holder; intents are committed under it, so a worker that wakes up after its
lease was taken can start no call. Time is the database's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from stripe_sync.core.errors import RunStopped, Transient, Waiting
from stripe_sync.core.lanes import Lane

SECONDS = 60
HEARTBEAT = SECONDS / 4
PATIENCE = 3  # runs in a row that may leave a lane alone before somebody has to look


@dataclass(frozen=True)
class Lease:
    """The right to write in one lane of one environment."""

    environment: str
    lane: Lane
    holder: str
    epoch: int


@contextmanager
def held(engine: Engine, environment: str, lane: Lane, *, holder: str) -> Iterator[Lease]:
    """Holds the lane while the block runs, with a heartbeat. Raises Waiting, naming the living holder."""
    lease = take(engine, environment, lane, holder)
    with kept(engine, lease):
        yield lease


@contextmanager
def kept(engine: Engine, lease: Lease) -> Iterator[None]:
    """Keeps a lease alive while the block runs, and gives it back."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT):
            extend(engine, lease, SECONDS)

    thread = threading.Thread(target=beat, daemon=True, name=f"lease-{lease.lane}")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        extend(engine, lease, 0)


def take(engine: Engine, environment: str, lane: Lane, holder: str, *, counted: bool = True) -> Lease:
    """Takes a lane that is free or whose holder's time is over.

    Raises Waiting, naming another holder, and RunStopped the third time in a row that is ``counted``; Transient where the holder is an earlier
    try of the same run, which may be dead.
    """
    other = None
    with engine.begin() as connection:
        epoch = connection.execute(
            text(
                "insert into lease (environment, lane, holder, epoch, expires_at) values "
                "(:e, :lane, :h, 1, now() + make_interval(secs => :s)) on conflict (environment, lane) do update set "
                "holder = excluded.holder, epoch = lease.epoch + 1, expires_at = excluded.expires_at "
                "where lease.expires_at <= now() returning epoch"
            ),
            {"e": environment, "lane": lane, "h": holder, "s": SECONDS},
        ).scalar()
        if epoch is None:
            other = connection.execute(
                text("select holder from lease where environment = :e and lane = :lane"),
                {"e": environment, "lane": lane},
            ).scalar()
        else:
            connection.execute(
                text("delete from skipped_lane where environment = :e and lane = :lane"),
                {"e": environment, "lane": lane},
            )
    if epoch is not None:
        return Lease(environment, lane, holder, epoch)
    if other == holder:
        raise Transient(f"An earlier try of this run still holds the lane {lane}; its lease ends in {SECONDS} s.")
    times = skip(engine, environment, lane, str(other)) if counted else 0
    held = f"The lane {lane} of {environment} is being written by {other}"
    if times >= PATIENCE:
        raise RunStopped(f"{held}, and was left alone {times} times running; look whether that run hangs, and end it.")
    raise Waiting(f"{held}; this run leaves it alone.")


def skip(engine: Engine, environment: str, lane: str, holder: str) -> int:
    """Counts one more run that had to leave a lane alone; how many there were in a row."""
    with engine.begin() as connection:
        times: int = connection.execute(
            text(
                "insert into skipped_lane (environment, lane, times, holder) values (:e, :lane, 1, :h) "
                "on conflict (environment, lane) do update set times = skipped_lane.times + 1, holder = excluded.holder "
                "returning times"
            ),
            {"e": environment, "lane": lane, "h": holder},
        ).scalar_one()
    return times


def extend(engine: Engine, lease: Lease, seconds: int) -> None:
    """Moves the end of a lease that is still ours."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "update lease set expires_at = now() + make_interval(secs => :s) "
                "where environment = :e and lane = :lane and epoch = :epoch"
            ),
            {"e": lease.environment, "lane": lease.lane, "epoch": lease.epoch, "s": seconds},
        )


def pause_reason(engine: Engine, environment: str, lane: str) -> str | None:
    """Why a lane is paused, or None. It is read before every write."""
    with engine.connect() as connection:
        row = connection.execute(
            text("select reason, paused_by from pause where environment = :e and lane in ('', :lane) limit 1"),
            {"e": environment, "lane": lane},
        ).first()
    return f"{row.reason} ({row.paused_by})" if row else None


def pause(connection: Connection, environment: str, lane: str, *, reason: str, person: str) -> None:
    """Puts the brake on a lane; on all of them for an empty lane."""
    connection.execute(
        text(
            "insert into pause (environment, lane, reason, paused_by) values (:e, :lane, :r, :p) "
            "on conflict (environment, lane) do update set reason = excluded.reason, paused_by = excluded.paused_by"
        ),
        {"e": environment, "lane": lane, "r": reason, "p": person},
    )


def resume(connection: Connection, environment: str, lane: str) -> bool:
    """Takes the brake off; whether it was on."""
    done = connection.execute(
        text("delete from pause where environment = :e and lane = :lane returning lane"),
        {"e": environment, "lane": lane},
    )
    return done.first() is not None


def pauses(engine: Engine, environment: str) -> dict[str, str]:
    """Why each paused lane is paused; an empty lane is all of them."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("select lane, reason, paused_by from pause where environment = :e order by lane"), {"e": environment}
        )
        return {row.lane: f"{row.reason} ({row.paused_by})" for row in rows}
