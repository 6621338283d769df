"""Connections of the pool: one that its server ended is replaced before use, one that is used lately is not pinged."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, func, select

from stripe_sync.warehouse import engine as engines
from tests.support import warehouses


def session_of(engine: Engine) -> int:
    """Return the number of the session that the pool gives."""
    with engine.connect() as connection:
        return int(connection.execute(select(func.pg_backend_pid())).scalar_one())


def end_session(engine: Engine, session: int) -> None:
    """End a session of the database from another one, and wait until it has ended."""
    other = engines.engine_of.__wrapped__(engine.url.render_as_string(hide_password=False))
    with other.connect() as connection:
        assert connection.execute(select(func.pg_terminate_backend(session, 5000))).scalar()
    other.dispose()


@pytest.mark.parametrize("pinged_after", [0.0, 30.0])
def test_a_connection_that_its_server_ended_is_replaced(monkeypatch: pytest.MonkeyPatch, pinged_after: float) -> None:
    monkeypatch.setattr(engines, "PINGED_AFTER", pinged_after)
    with warehouses.fresh() as (_, engine):
        engine.dispose()  # the pool may have several connections from the tests before
        session = session_of(engine)
        assert session_of(engine) == session, "the pool keeps it"
        end_session(engine, session)
        assert session_of(engine) != session


@pytest.mark.parametrize("pinged_after, pinged", [(0.0, True), (30.0, False)])
def test_only_a_connection_that_was_idle_for_long_is_pinged(
    monkeypatch: pytest.MonkeyPatch, pinged_after: float, pinged: bool
) -> None:
    monkeypatch.setattr(engines, "PINGED_AFTER", pinged_after)
    with warehouses.fresh() as (_, engine):
        engine.dispose()  # the pool may have several connections from the tests before
        session, pings, ping = session_of(engine), [], engine.dialect.do_ping
        monkeypatch.setattr(engine.dialect, "do_ping", lambda c: bool(pings.append(c)) or ping(c))
        assert (session_of(engine), len(pings)) == (session, int(pinged))
