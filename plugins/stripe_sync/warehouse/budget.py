"""The rate budget of an account, shared by everybody who works on this warehouse.

Each limited thing has the moment at which its next request may start (GCRA). A reservation moves that moment on and tells
how long to wait; rows are locked in order of key, so that two reservations cannot wait for each other.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Engine, text

PACE = 0.95


@dataclass(frozen=True)
class PostgresBudget:
    """Stripe's limits of one account, requests a second, of which this project takes a share.

    Implements ``stripe_api.Budget``.
    """

    engine: Engine
    account: str
    account_rate: float
    endpoint_rate: float
    share: float

    def wait(self, endpoint: str) -> None:
        """Sleeps until a request to this endpoint may start."""
        seconds = self.reserve(endpoint)
        if seconds > 0:
            time.sleep(seconds)

    def reserve(self, endpoint: str) -> float:
        """Takes the next slot of the endpoint and of the account; returns the seconds until both have come."""
        rates = {"": self.account_rate, endpoint: self.endpoint_rate}
        longest = 0.0
        with self.engine.begin() as connection:
            for name in sorted(rates):
                seconds = connection.execute(
                    text(
                        "insert into budget (account, endpoint, arrival) values (:a, :n, clock_timestamp() + "
                        "make_interval(secs => :gap)) on conflict (account, endpoint) do update set arrival = "
                        "greatest(budget.arrival, clock_timestamp()) + make_interval(secs => :gap) "
                        "returning extract(epoch from arrival - clock_timestamp()) - :gap"
                    ),
                    {"a": self.account, "n": name, "gap": 1 / (rates[name] * self.share * PACE)},
                ).scalar_one()
                longest = max(longest, float(seconds))
        return longest
