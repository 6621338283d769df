"""Lists read side by side show every row once, whatever their rows' times, with few requests more than pages."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from stripe_sync.mirror.ranges import Listing, pages

NOW = 1_800_000_000


class Server:
    """A list of Stripe's: newest first, pages of 100, filters by ``created``."""

    def __init__(self, times: list[int], latency: float = 0.0) -> None:
        ordered = sorted(enumerate(times), key=lambda pair: (-pair[1], pair[0]))
        self.rows = [{"id": f"id_{n}", "created": at} for n, at in ordered]
        self.latency, self.requests, self.most, self.now = latency, 0, 0, 0
        self.lock = threading.Lock()

    def get(
        self, path: str, *, limit: int, created: dict[str, int], starting_after: str = "", **_: Any
    ) -> dict[str, Any]:
        with self.lock:
            self.requests += 1
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.latency)
        found = [r for r in self.rows if created.get("gt", -1) < r["created"] <= created["lte"]]
        if starting_after:
            found = found[[r["id"] for r in found].index(starting_after) + 1 :]
        with self.lock:
            self.now -= 1
        return {"data": found[:limit], "has_more": len(found) > limit}


def read(server: Server, workers: int = 8) -> list[str]:
    found = [
        row["id"]
        for _, page in pages(server.get, [Listing("x", "/v1/x", {})], upto=NOW, workers=workers)
        for row in page
    ]
    assert len(found) == len(set(found)), "no row is read twice"
    return sorted(found)


SHAPES: dict[str, Callable[[random.Random, int], int]] = {
    "even": lambda dice, n: NOW - dice.randrange(3 * 365 * 86_400),
    "a migration day": lambda dice, n: (
        NOW - 400 * 86_400 + dice.randrange(3600) if n % 2 else NOW - dice.randrange(10**8)
    ),
    "one second": lambda dice, n: NOW - 5,
    "growing": lambda dice, n: NOW - int(dice.expovariate(1 / (90 * 86_400))),
    "old": lambda dice, n: 1_300_000_000 + dice.randrange(86_400),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_row_once_whatever_the_times(shape: str) -> None:
    dice = random.Random(shape)
    server = Server([SHAPES[shape](dice, n) for n in range(5_000)])
    assert read(server) == sorted(row["id"] for row in server.rows)


def test_readers_work_side_by_side_with_few_requests_more_than_pages() -> None:
    dice = random.Random(1)
    server = Server([SHAPES["a migration day"](dice, n) for n in range(20_000)], latency=0.01)
    started = time.monotonic()
    read(server)
    assert server.most == 8
    assert server.requests <= 200 * 1.3, "of a small list; of a large one it is less"
    assert time.monotonic() - started < 200 * 0.01, "faster than one after another could be"


def test_an_empty_list_is_one_request() -> None:
    server = Server([])
    assert read(server) == []
    assert server.requests == 1


def test_what_fails_is_raised_and_everybody_stops() -> None:
    server = Server([NOW - n for n in range(3_000)], latency=0.001)

    def broken(*_: Any, **given: Any) -> dict[str, Any]:
        if server.requests > 5:
            raise ValueError("the network is gone")
        return server.get(*_, **given)

    with pytest.raises(ValueError, match="the network is gone"):
        list(pages(broken, [Listing("x", "/v1/x", {})], upto=NOW, workers=4))
    assert not [t for t in threading.enumerate() if t.name.startswith("read-")]


def test_one_who_stops_listening_leaves_nobody_behind() -> None:
    server = Server([NOW - n for n in range(9_000)])
    found = pages(server.get, [Listing("x", "/v1/x", {})], upto=NOW, workers=4)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("read-")]
