"""Lists read side by side show every row once, whatever their rows' times, with few requests more than pages."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from stripe_sync.jobs.extract.ranges import Listing, pages, remaining

NOW = 1_800_000_000


class Server:
    """A Stripe list: newest first, pages of 100, filters by ``created``."""

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


def read(server: Server, readers: int = 8) -> list[str]:
    found = [
        row["id"]
        for _, page, _ in pages(server.get, [Listing("x", "/v1/x", {})], upper=NOW, readers=readers)
        for row in page
    ]
    assert len(found) == len(set(found)), "no row is read twice"
    return sorted(found)


SHAPES: dict[str, Callable[[random.Random, int], int]] = {
    "even": lambda rng, n: NOW - rng.randrange(3 * 365 * 86_400),
    "a migration day": lambda rng, n: NOW - 400 * 86_400 + rng.randrange(3600) if n % 2 else NOW - rng.randrange(10**8),
    "one second": lambda rng, n: NOW - 5,
    "growing": lambda rng, n: NOW - int(rng.expovariate(1 / (90 * 86_400))),
    "old": lambda rng, n: 1_300_000_000 + rng.randrange(86_400),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_row_once_whatever_the_times(shape: str) -> None:
    rng = random.Random(shape)
    server = Server([SHAPES[shape](rng, n) for n in range(5_000)])
    assert read(server) == sorted(row["id"] for row in server.rows)


def test_readers_work_side_by_side_with_few_requests_more_than_pages() -> None:
    rng = random.Random(1)
    times = [SHAPES["a migration day"](rng, n) for n in range(20_000)]
    server, alone = Server(times, latency=0.01), Server(times, latency=0.01)
    started = time.monotonic()
    read(server)
    together = time.monotonic() - started
    read(alone, readers=1)
    assert server.most == 8
    assert server.requests <= 200 * 1.3, "of a small list; of a large one it is less"
    assert together < time.monotonic() - started - together, "faster than one after another, measured beside it"


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
        list(pages(broken, [Listing("x", "/v1/x", {})], upper=NOW, readers=4))
    assert not [t for t in threading.enumerate() if t.name.startswith("read-")]


def test_one_who_stops_listening_leaves_nobody_behind() -> None:
    server = Server([NOW - n for n in range(9_000)])
    found = pages(server.get, [Listing("x", "/v1/x", {})], upper=NOW, readers=4)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("read-")]


@pytest.mark.parametrize("seed", range(8))
def test_a_read_that_was_interrupted_goes_on_with_what_it_had_not_finished(seed: int) -> None:
    rng = random.Random(seed)
    server = Server([SHAPES[rng.choice(sorted(SHAPES))](rng, n) for n in range(8_000)], latency=0.0005)
    lists = [Listing("x", "/v1/x", {}), Listing("x", "/v1/x", {"active": False})]
    finished: dict[str, list[tuple[int, int]]] = {}
    rows: set[tuple[str, str]] = set()
    left = rng.randint(20, 120)

    def failing(path: str, **given: Any) -> dict[str, Any]:
        nonlocal left
        left -= 1
        if left < 0:
            raise ConnectionError
        return server.get(path, **given)

    with pytest.raises(ConnectionError):
        for page in pages(failing, lists, upper=NOW, readers=4):
            rows |= {(page.name, row["id"]) for row in page.rows}
            if page.finished:
                key = page.finished.listing.key
                finished.setdefault(key, []).append((page.finished.above, page.finished.upper))
    known = sum(len(ranges) for ranges in finished.values())
    again: list[str] = []
    for page in pages(server.get, lists, upper=NOW, readers=4, finished=finished):
        again += [row["id"] for row in page.rows]
        rows |= {(page.name, row["id"]) for row in page.rows}
    assert rows == {("x", row["id"]) for row in server.rows}
    inside = sum(
        above < row["created"] <= upper
        for ranges in finished.values()
        for above, upper in ranges
        for row in server.rows
    )
    assert len(again) == 2 * len(server.rows) - inside, f"{known} finished ranges are not read again"
    whole = {listing.key: [(-1, NOW)] for listing in lists}
    assert list(pages(server.get, lists, upper=NOW, readers=4, finished=whole)) == []


def test_what_remains_of_a_list_is_what_no_finished_range_covers() -> None:
    a_list = Listing("x", "/v1/x", {})

    def left(*finished: tuple[int, int]) -> list[tuple[int, int]]:
        return [(r.above, r.upper) for r in remaining(a_list, 100, finished)]

    assert left() == [(-1, 100)]
    assert left((50, 100)) == [(-1, 50)]
    assert left((-1, 20), (50, 100)) == [(20, 50)]
    assert left((30, 40)) == [(40, 100), (-1, 30)]
    assert left((-1, 100)) == left((-1, 40), (40, 100)) == []
