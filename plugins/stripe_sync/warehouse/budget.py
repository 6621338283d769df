"""The rate budget of an account, shared by everybody who works on this warehouse.

Each limited thing has the moment at which its next request may start (GCRA). A reservation moves that moment on and tells
how long to wait; rows are locked in order of key, so that two reservations cannot wait for each other. What is urgent goes
first: while a more urgent lane is at work, the others leave it half of the pace.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, text

PACE = 0.95
# The order in which lanes are served (DESIGN 2): deadlines, cancellations, checkout, ...; what only reads comes last.
ORDER = ("usage", "stigg-cancellations", "checkout", "customers", "subscriptions", "catalog", "audit")
YIELD_SECONDS = 1.0  # how long a more urgent lane counts as being at work after its last request
YIELDED = 0.5  # the share of the pace that others leave to it
SLOWER, SLOW_SECONDS = 0.7, 60.0  # what one 429 does to the pace, and for how long
SLOWEST = 0.1
# Reads of these endpoints are outside Stripe's read allocation.
FREE_READS = ("get /v1/tax",)


@dataclass(frozen=True)
class PostgresBudget:
    """Stripe's limits of one account, requests a second, of which this project takes a share.

    Implements ``stripe_api.Budget`` for one lane of ``ORDER``.
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
        rates = {"": self.account_rate, endpoint: self.endpoint_rate}
        with self.engine.begin() as connection:
            share = self.share * PACE * (YIELDED if self.is_urgent_at_work(connection) else 1.0)
            longest = max(self.slot(connection, name, rates[name] * share) for name in sorted(rates))
            if self.lane in ORDER[:-1]:
                self.slot(connection, f"~{self.lane}", 1e9)  # says that this lane is at work
            if endpoint.startswith("get ") and not endpoint.startswith(FREE_READS):
                count_read(connection, self.account)
        return longest

    def slot(self, connection: Connection, name: str, rate: float) -> float:
        """The seconds until the next slot of one limited thing; one that was slowed down gives slots more rarely."""
        seconds = connection.execute(
            text(
                "insert into budget (account, endpoint, arrival) values (:a, :n, clock_timestamp() + "
                "make_interval(secs => :gap)) on conflict (account, endpoint) do update set arrival = "
                "greatest(budget.arrival, clock_timestamp()) + make_interval(secs => :gap / case when "
                "budget.slowed_until > clock_timestamp() then budget.factor else 1 end) "
                "returning extract(epoch from arrival - clock_timestamp()) - :gap"
            ),
            {"a": self.account, "n": name, "gap": 1 / rate},
        ).scalar_one()
        return max(0.0, float(seconds))

    def is_urgent_at_work(self, connection: Connection) -> bool:
        """Whether a more urgent lane has made a request a moment ago."""
        before = [f"~{lane}" for lane in ORDER[: ORDER.index(self.lane)]]
        found: Any = connection.execute(
            text(
                "select 1 from budget where account = :a and endpoint = any(:names) "
                "and arrival > clock_timestamp() - make_interval(secs => :s) limit 1"
            ),
            {"a": self.account, "names": before, "s": YIELD_SECONDS},
        ).first()
        return found is not None

    def slow_down(self, endpoint: str, reason: str) -> None:
        """Stripe said 429: what it named, the account or the endpoint, goes more slowly for a while."""
        name = "" if reason.startswith("global") else endpoint
        with self.engine.begin() as connection:
            connection.execute(
                text(
                    "insert into budget (account, endpoint, arrival, factor, slowed_until) values (:a, :n, clock_timestamp(), "
                    ":f, clock_timestamp() + make_interval(secs => :s)) on conflict (account, endpoint) do update set "
                    "factor = greatest(:least, :f * case when budget.slowed_until > clock_timestamp() then budget.factor "
                    "else 1 end), slowed_until = clock_timestamp() + make_interval(secs => :s)"
                ),
                {"a": self.account, "n": name, "f": SLOWER, "s": SLOW_SECONDS, "least": SLOWEST},
            )


def count_read(connection: Connection, account: str) -> None:
    """One more read of this month."""
    connection.execute(
        text(
            "insert into read_count (account, month, reads) values (:a, date_trunc('month', now())::date, 1) "
            "on conflict (account, month) do update set reads = read_count.reads + 1"
        ),
        {"a": account},
    )


def reads_this_month(engine: Engine, account: str) -> int:
    """How many reads of this month count against Stripe's allocation, as far as this warehouse made them."""
    with engine.connect() as connection:
        found = connection.execute(
            text("select reads from read_count where account = :a and month = date_trunc('month', now())::date"),
            {"a": account},
        ).scalar()
    return int(found or 0)
