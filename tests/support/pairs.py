"""The sandbox's Stigg beside another Stripe account, whose objects are on a test clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.builder import WorldBuilder
from sandbox.server.run import running
from sandbox.world.state import World, from_document
from tests.support import refusals
from tests.support.harness import Harness

Obj = dict[str, Any]


@dataclass
class Pair:
    """``harness`` has Stigg and the warehouse; ``account`` is the world of the other Stripe account."""

    harness: Harness
    account: World
    clock: str

    def until(self, moment: int) -> None:
        """Move Stigg's time and the test clock to a moment."""
        harness = self.harness
        url = f"{harness.stigg_url}/_world/clock"
        httpx.post(url, json={"now": moment}, verify=False).raise_for_status()
        clocks = harness.stripe().v1.test_helpers.test_clocks
        clocks.advance(self.clock, {"frozen_time": moment})
        while clocks.retrieve(self.clock).status != "ready":
            pass

    def objects(self, collection: str) -> list[Obj]:
        """Return the objects of the account."""
        return list(self.account.stripe[collection].values())


@contextmanager
def paired(harness: Harness, *, account_time: int = 0) -> Iterator[Pair]:
    """Give a harness another Stripe account and a test clock in it that stands at the harness's time."""
    builder = WorldBuilder()
    document = builder.document()
    document["stripe"]["limits"] = {"account": 0, "endpoint": 0, "clock_polls": 1}
    document["clock"] = account_time or document["clock"]
    account = from_document(document)
    own = harness.stripe_url
    with refusals.watched(account), running(account) as (stripe_url, _):
        harness.stripe_url = stripe_url
        now = harness.world.now
        clock = harness.stripe().v1.test_helpers.test_clocks.create({"frozen_time": now, "name": "a month"})
        harness.change(stripe={"test_clock": clock.id})
        yield Pair(harness, account, clock.id)
        harness.stripe_url = own
