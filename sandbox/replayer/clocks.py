"""Clocks of a replay: the sandbox's clock, or a test clock of the account."""

from __future__ import annotations

import time
from typing import Any, Protocol

from sandbox.replayer.http import Server, Unusable, require_right


class Clock(Protocol):
    """A clock that advances the time of a server."""

    def advance(self, seconds: int) -> None:
        """Let seconds pass, and wait until what they bring about has happened."""

    def customer(self) -> dict[str, Any]:
        """Return the parameters that put a new customer on this clock."""


class WorldClock:
    """The clock of a sandbox, moved under ``/_world/clock``."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def advance(self, seconds: int) -> None:
        self.server.control("POST", "/_world/clock", {"advance": seconds})

    def customer(self) -> dict[str, Any]:
        return {}


class TestClock:
    """A test clock of a Stripe test account; it holds three customers at most."""

    __test__ = False  # for pytest: this is no test

    def __init__(self, server: Server, *, frozen_time: int, patience: float = 120.0) -> None:
        status, body = server.send("POST", "/v1/test_helpers/test_clocks", {"frozen_time": frozen_time})
        require_right(status, body)
        if status != 200:
            raise Unusable(f"The account made no test clock ({status}): {body}")
        self.server, self.id, self.now, self.patience = server, str(body["id"]), frozen_time, patience

    def advance(self, seconds: int) -> None:
        """Let seconds pass, and wait until the clock is ready. Raises Unusable."""
        self.now += seconds
        self.server.send("POST", f"/v1/test_helpers/test_clocks/{self.id}/advance", {"frozen_time": self.now})
        until = time.monotonic() + self.patience
        while self.server.send("GET", f"/v1/test_helpers/test_clocks/{self.id}", {})[1].get("status") != "ready":
            if time.monotonic() > until:
                raise Unusable(
                    f"The test clock {self.id} is not ready after {self.patience:.0f} s: play the scenario again."
                )
            time.sleep(1)

    def customer(self) -> dict[str, Any]:
        return {"test_clock": self.id}

    def delete(self) -> None:
        """Delete the clock, and with it its customers and their subscriptions."""
        self.server.send("DELETE", f"/v1/test_helpers/test_clocks/{self.id}", {})
