"""Session and run: the environment, the warehouse, the clients of both APIs, and the clock that every step uses."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

import msgspec
from sqlalchemy import Engine

from stripe_sync.apply.executor import SETTLE_SECONDS
from stripe_sync.clients.stigg.client import API as STIGG_URL
from stripe_sync.clients.stigg.client import StiggApi
from stripe_sync.clients.stripe.budget import Tally
from stripe_sync.clients.stripe.client import API as STRIPE_URL
from stripe_sync.clients.stripe.client import ATTEMPTS, StripeApi, check_mode
from stripe_sync.clients.stripe.sandbox_clock import SandboxClock
from stripe_sync.clients.stripe.test_clock import ClockOfAccount
from stripe_sync.core.clock import Clock, SystemClock
from stripe_sync.core.config import connections, settings
from stripe_sync.core.config.connections import Connection
from stripe_sync.core.decoding import typed
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.lanes import LANES, Mode
from stripe_sync.core.ownership import Signer
from stripe_sync.core.settings import Environment
from stripe_sync.jobs.runtime.account import require_account
from stripe_sync.jobs.runtime.run_params import NO_PARAMS, GivenParams, RunParams
from stripe_sync.warehouse import engine, runs
from stripe_sync.warehouse.writes.budget import PostgresBudget, StiggBudget

ConnectionOf = Callable[[str], Connection]


class Progress(Protocol):
    """Receives progress messages, with structured fields (lane, kind, entity) for searchable logs."""

    def __call__(self, message: str, **about: str) -> None:
        """Report a message."""


def from_environ(id: str) -> Connection:
    """Read the connection of ``AIRFLOW_CONN_<ID>``, outside Airflow."""
    return connections.from_environ(id, os.environ)


def quiet(message: str, **about: str) -> None:
    """Discard a progress message."""


@dataclass
class Session:
    """One environment with its warehouse, clients and clock; clients are created on first use."""

    environment: Environment
    engine: Engine
    connection_of: ConnectionOf
    clock: Clock
    progress: Progress = quiet
    settle_seconds: float = SETTLE_SECONDS
    attempts: int = ATTEMPTS

    def __post_init__(self) -> None:
        """Use the environment's test clock, if it has one."""
        env = self.environment
        if env.stripe.test_clock:
            self.clock = ClockOfAccount(lambda: self.stripe, env.stripe.test_clock, env.stripe_account)

    @cached_property
    def stripe(self) -> StripeApi:
        """Return the Stripe client after the account check. Raises AccountRefused or NotAuthorized."""
        require_account(self)
        return self.client

    @cached_property
    def client(self) -> StripeApi:
        """Return the Stripe client without the account check, under the account's shared rate budget.

        Raises NotAuthorized where the key has the wrong mode.
        """
        env, connection = self.environment, self.connection_of(self.environment.stripe_connection)
        budget = PostgresBudget(
            self.engine,
            env.stripe_account,
            env.requests_per_second(),
            env.stripe.endpoint_rate,
            env.stripe.rate_limit_share,
        )
        api = StripeApi(
            connection.key(),
            base_url=connection.base_url(STRIPE_URL),
            budget=budget,
            attempts=self.attempts,
            test_clock=env.stripe.test_clock,
        )
        check_mode(api, live=env.live, connection=connection.id)
        return api

    @cached_property
    def stigg(self) -> StiggApi:
        """Return the Stigg client, under the environment's rate budget."""
        connection = self.connection_of(self.environment.stigg_connection)
        env = self.environment
        budget = StiggBudget(self.engine, env.name, env.stigg.rate_limit_share, float(env.usage.reads_per_minute))
        return StiggApi(
            connection.key(), base_url=connection.base_url(STIGG_URL), page_size=env.stigg.page_size, budget=budget
        )

    @cached_property
    def signer(self) -> Signer:
        """Return the signer of ownership markers. Old secrets are in the connection's extra under ``accepted``."""
        connection = self.connection_of(self.environment.secret_id())
        accepted = connection.extra.get("accepted", [])
        return Signer(self.environment.stripe_account, (connection.key(), *accepted))

    @property
    def tally(self) -> Tally:
        """Return the request counts so far; does not create the client."""
        return self.client.tally if "client" in self.__dict__ else Tally()

    def close(self) -> None:
        """Close the clients."""
        if "stigg" in self.__dict__:
            self.stigg.close()
        if "client" in self.__dict__:
            self.client.close()


def open_session(
    name: str,
    *,
    connection_of: ConnectionOf = from_environ,
    environ: Mapping[str, str] = os.environ,
    progress: Progress = quiet,
) -> Session:
    """Open a session: read the settings, connect and migrate the warehouse, choose the clock. Raises ConfigurationError."""
    environment = settings.environment(name, settings.path_from(environ))
    warehouse = engine.connect(engine.url_from(environ))
    return Session(environment, warehouse, connection_of, clock_from(environment, environ), progress)


def clock_from(environment: Environment, environ: Mapping[str, str]) -> Clock:
    """Return the system's clock, or the sandbox's clock of ``STRIPE_SYNC_CLOCK``.

    Raises ConfigurationError where the variable is set and the environment is live.
    """
    url = environ.get("STRIPE_SYNC_CLOCK")
    if not url:
        return SystemClock()
    if environment.live:
        raise ConfigurationError("STRIPE_SYNC_CLOCK is set and the environment is live. Unset it.")
    return SandboxClock(url)


def reports_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder ``STRIPE_SYNC_REPORTS``, else ``reports`` in the working folder."""
    return Path(environ.get("STRIPE_SYNC_REPORTS", "reports"))


@dataclass(frozen=True)
class Run:
    """One run: its id, its time (UTC, read once) and its parameters."""

    id: str
    now: datetime
    params: RunParams = NO_PARAMS

    def narrowed(self, environment: Environment) -> Environment:
        """Return the environment with its lanes limited to the run's parameter ``mode``.

        A backfill with ``action`` = ``plan`` is limited to observe.
        """
        maximum = Mode.OBSERVE if self.params.action == "plan" else self.params.mode
        if maximum not in (Mode.OBSERVE, Mode.PROPOSE):
            return environment
        order = tuple(Mode)
        modes = {lane: min(environment.mode(lane), Mode(maximum), key=order.index) for lane in LANES}
        return msgspec.structs.replace(environment, modes=modes)


def start_run(session: Session, run_id: str, params: GivenParams | None = None) -> Run:
    """Start or continue a run. Time and parameters are those of the first call with this id.

    Raises ConfigurationError for parameters of a wrong type.
    """
    name = session.environment.name
    found = runs.find(session.engine, name, run_id) or runs.start(
        session.engine, name, run_id, now=session.clock.now(), params=params or {}
    )
    now, given = found
    try:
        return Run(run_id, now, typed(given, RunParams))
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"The parameters of the run {run_id} cannot be used: {error}.") from None
