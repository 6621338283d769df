"""The rate budget of an account, shared by everybody who works on this warehouse.

Each limited thing has the moment at which its next request may start (GCRA). A reservation moves that moment on and tells
how long to wait. What is urgent goes first: while a more urgent lane is at work, the others leave it half of the pace.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from sqlalchemy import Date, Engine, cast, func, select

from stripe_sync.warehouse.engine import connect_to_read, run_sql
from stripe_sync.warehouse.tables.writes import read_count

PACE = 0.95
# The order in which lanes are served (DESIGN 2): deadlines, cancellations, checkout, ...; what only reads comes last.
ORDER = ("usage", "stigg-cancellations", "checkout", "customers", "subscriptions", "catalog", "audit")
YIELD_SECONDS = 1.0  # how long a more urgent lane counts as being at work after its last request
YIELDED = 0.5  # the share of the pace that others leave to it
SLOWER, SLOW_SECONDS = 0.7, 60.0  # what one 429 does to the pace, and for how long
SLOWEST = 0.1
# Reads of these endpoints are outside Stripe's read allocation.
FREE_READS = ("get /v1/tax",)
EDGE_PER_MINUTE = 6000.0  # requests of all operations that Stigg takes a minute
USAGE = "UsageHistory"

# The threads of a process ask one after another: the database would let them in so all the same, each with a connection.
_asking = threading.Lock()


@dataclass(frozen=True)
class PostgresBudget:
    """Stripe's limits of one account, requests a second, of which this project takes a share.

    Implements ``clients.stripe.budget.Budget`` for one lane of ``ORDER``.
    """

    engine: Engine
    account: str
    account_rate: float
    endpoint_rate: float
    share: float
    lane: str = "audit"

    def in_lane(self, lane: str) -> PostgresBudget:
        """The same budget, served in the order of a lane."""
        return replace(self, lane=lane)

    def wait(self, endpoint: str) -> None:
        """Sleeps until a request to this endpoint may start."""
        seconds = self.reserve(endpoint)
        if seconds > 0:
            time.sleep(seconds)

    def reserve(self, endpoint: str) -> float:
        """Takes the next slot of the endpoint and of the account; returns the seconds until both have come."""
        share = self.share * PACE
        gaps = {"": 1 / (self.account_rate * share), endpoint: 1 / (self.endpoint_rate * share)}
        if self.lane in ORDER[:-1]:
            gaps[f"~{self.lane}"] = 0.0  # says that this lane is at work
        with _asking, self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            (row,) = run_sql(
                connection,
                "budget/reserve",
                account=self.account,
                endpoints=list(gaps),
                gaps=list(gaps.values()),
                urgent=[f"~{lane}" for lane in ORDER[: ORDER.index(self.lane)]],
                yield_seconds=YIELD_SECONDS,
                yielded=YIELDED,
                counts=endpoint.startswith("get ") and not endpoint.startswith(FREE_READS),
            )
        seconds: float = row["seconds"]
        return seconds

    def slow_down(self, endpoint: str, reason: str) -> None:
        """Lower the rate of the account or the endpoint for a while, as Stripe's answer 429 names it."""
        name = "" if reason.startswith("global") else endpoint
        with self.engine.begin() as connection:
            run_sql(
                connection,
                "budget/slow_down",
                account=self.account,
                endpoint=name,
                factor=SLOWER,
                seconds=SLOW_SECONDS,
                least=SLOWEST,
            )


@dataclass(frozen=True)
class StiggBudget:
    """Stigg's limits of one environment, shared by everybody who works on this warehouse (SB 18.1).

    ``share`` is the part of each limit that this project takes; ``usage_per_minute`` is the limit of usage reads, of which
    it takes all. Implements ``clients.stigg.pacing.Budget``.
    """

    engine: Engine
    environment: str
    share: float
    usage_per_minute: float

    def wait(self, operation: str, per_minute: float) -> None:
        """Sleep until a request of this operation may start."""
        self.of(operation, per_minute).wait(operation)

    def slow_down(self, operation: str) -> None:
        """Lower the rate of this operation for a minute, after Stigg refused a request as one too many."""
        self.of(operation, EDGE_PER_MINUTE).slow_down(operation, "")

    def of(self, operation: str, per_minute: float) -> PostgresBudget:
        """Return the budget of an operation and of the environment as a whole, requests a second."""
        limit = self.usage_per_minute if operation == USAGE else per_minute * self.share
        edge = max(EDGE_PER_MINUTE * self.share, limit)
        return PostgresBudget(self.engine, f"stigg {self.environment}", edge / 60, limit / 60, 1.0)


def reads_this_month(engine: Engine, account: str) -> int:
    """Return the number of reads of this month that count against Stripe's allocation, made through this warehouse."""
    this_month = cast(func.date_trunc("month", func.now()), Date)
    with connect_to_read(engine) as connection:
        found = connection.execute(
            select(read_count.c.reads).where(read_count.c.account == account, read_count.c.month == this_month)
        ).scalar()
    return int(found or 0)
