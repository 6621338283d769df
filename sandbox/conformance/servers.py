"""One server that scenarios are played on: its clock for each scenario, and what is taken away afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sandbox.replayer.clocks import Clock, TestClock
from sandbox.replayer.http import Server
from sandbox.replayer.replay import Report, replay
from sandbox.replayer.scenario import Scenario
from sandbox.world.state import Obj

ENDINGS = {
    "customer": ("DELETE", "/v1/customers/{}", {}), "coupon": ("DELETE", "/v1/coupons/{}", {}),
    "product": ("POST", "/v1/products/{}", {"active": False}), "price": ("POST", "/v1/prices/{}", {"active": False}),
    "tax_rate": ("POST", "/v1/tax_rates/{}", {"active": False}),
    "promotion_code": ("POST", "/v1/promotion_codes/{}", {"active": False}),
    "billing.meter": ("POST", "/v1/billing/meters/{}/deactivate", {}),
}  # fmt: skip


class NoClock:
    """No clock: a scenario in which no time passes."""

    def advance(self, seconds: int) -> None:
        raise AssertionError("a scenario in which time passes has a test clock")

    def customer(self) -> Obj:
        return {}


@dataclass
class Side:
    """A server by a name for people, with what could not be taken away from it."""

    name: str
    server: Server
    start: int = 0
    left: list[str] = field(default_factory=list)

    def play(self, scenario: Scenario, *, start: int) -> Report:
        """Replay a scenario, on a test clock that stands at ``start`` where time passes, and take away what it made."""
        timed = any(step.advance for step in scenario.steps)
        self.start = start if timed else int(time.time())
        clock: Clock = TestClock(self.server, frozen_time=start) if timed else NoClock()
        try:
            report = replay(scenario, self.server, clock)
            self.start = start if timed else first_moment(report, self.start)
        finally:
            if isinstance(clock, TestClock):
                clock.delete()
        self.tidy(report)
        return report

    def tidy(self, report: Report) -> None:
        """Delete or archive what a scenario made; what goes with something else is left to that."""
        for kind, id in sorted(report.made, key=lambda one: one[0] != "product"):
            if kind == "product":
                self.archive_default(id)
            if kind in ENDINGS:
                method, path, params = ENDINGS[kind]
                status, _ = self.server.send(method, path.format(id), params)
                if status not in (200, 404) and not self.is_over(path.format(id).removesuffix("/deactivate")):
                    self.left.append(f"{kind} {id}")

    def is_over(self, path: str) -> bool:
        """Return whether the scenario archived an object."""
        found = self.server.send("GET", path, {})[1]
        return found.get("active") is False or found.get("status") == "inactive"

    def archive_default(self, product: str) -> None:
        """Archive the default price of a product, which is no default any more then."""
        price = self.server.send("GET", f"/v1/products/{product}", {})[1].get("default_price")
        if price:
            self.server.send("POST", f"/v1/products/{product}", {"default_price": ""})
            self.server.send("POST", f"/v1/prices/{price}", {"active": False})


def first_moment(report: Report, default: int) -> int:
    """Return when a scenario's first object was made, Unix seconds."""
    bodies = (outcome.answer for outcome in report.outcomes)
    times = (body["created"] for body in bodies if isinstance(body, dict) and isinstance(body.get("created"), int))
    return next(times, default)
