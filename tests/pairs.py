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
from tests.house import House

Obj = dict[str, Any]


@dataclass
class Pair:
    """``house`` has Stigg and the warehouse; ``account`` is the world of the other Stripe account."""

    house: House
    account: World
    clock: str

    def until(self, moment: int) -> None:
        """Move Stigg's time and the test clock to a moment."""
        house = self.house
        url = f"{house.stigg_url}/_world/clock"
        httpx.post(url, json={"now": moment}, verify=False).raise_for_status()
        clocks = house.stripe().v1.test_helpers.test_clocks
        clocks.advance(self.clock, {"frozen_time": moment})
        while clocks.retrieve(self.clock).status != "ready":
            pass

    def objects(self, collection: str) -> list[Obj]:
        """Return the objects of the account."""
        return list(self.account.stripe[collection].values())


@contextmanager
def paired(house: House, *, account_time: int = 0) -> Iterator[Pair]:
    """Give a house another Stripe account and a test clock in it that stands at the house's time."""
    builder = WorldBuilder()
    document = builder.document()
    document["stripe"]["limits"] = {"account": 0, "endpoint": 0, "clock_polls": 1}
    document["clock"] = account_time or document["clock"]
    account = from_document(document)
    own = house.stripe_url
    with running(account) as (stripe_url, _):
        house.stripe_url = stripe_url
        now = house.world.now
        clock = house.stripe().v1.test_helpers.test_clocks.create({"frozen_time": now, "name": "a month"})
        house.change(test_clock=clock.id)
        yield Pair(house, account, clock.id)
        house.stripe_url = own
