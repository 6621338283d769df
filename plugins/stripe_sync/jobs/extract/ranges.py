"""Stripe's lists read side by side: several lists at once, and each in ranges of ``created`` that are split while it is read.

A list is newest first and its cursor is one row after another, so one reader gets a page a round trip. A reader with more to
read gives half of what is left, by time, to one that has nothing to do. That follows the data: a day on which half of all
objects were made is split again and again, an empty year costs one request. The upper bound is fixed, so nothing shifts, and
a read that was interrupted goes on with the ranges that it had not finished.
"""

from __future__ import annotations

import gc
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

Row = dict[str, Any]
Page = list[Row]
Get = Callable[..., Row]
PAGE = 100
WORTH = 8  # pages that should be left of a range that is divided


@dataclass(frozen=True)
class Listing:
    """One list: a name of the caller's, its path, its filters."""

    name: str
    path: str
    params: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What tells it apart from every other list, also from one of the same rows with other filters."""
        return f"{self.path} {sorted(self.params.items())}"


@dataclass(frozen=True)
class Range:
    """What one reader reads: the rows of a list with ``above < created <= upto`` (Unix seconds)."""

    listing: Listing
    above: int
    upto: int


class Read(NamedTuple):
    """One page of a list, and the range that it was the last page of, if it was. All other pages of that range came before."""

    name: str
    rows: Page
    finished: Range | None


Finished = Mapping[str, Iterable[tuple[int, int]]]  # (above, upto) of the ranges that were read, by the list's key


def pages(
    get: Get, listings: Iterable[Listing], *, upto: int, readers: int, finished: Finished | None = None
) -> Iterator[Read]:
    """Every page of every list, in any order, but for the ranges that are finished. Raises what the first failing request
    raised.
    """
    left = [r for listing in listings for r in remaining(listing, upto, (finished or {}).get(listing.key, ()))]
    if not left:
        return
    work = Work(get, left, readers=readers)
    threads = [threading.Thread(target=work.run, daemon=True, name=f"read-{n}") for n in range(readers)]
    with rarely_collected():
        for thread in threads:
            thread.start()
        try:
            yield from work.found()
        finally:
            work.abandoned.set()
            work.end()
            for thread in threads:
                thread.join()


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Looks for garbage in circles seldom: pages are trees, and looking through them took two fifths of a read's time."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def remaining(listing: Listing, upto: int, finished: Iterable[tuple[int, int]]) -> list[Range]:
    """What of a list is between and below its finished ranges, newest first."""
    left, top = [], upto
    for above, until in sorted(finished, reverse=True):
        if until < top:
            left.append(Range(listing, until, top))
        top = min(top, above)
    return [*left, Range(listing, -1, top)] if top > -1 else left


class Work:
    """Ranges that wait for a reader, and pages that were read."""

    def __init__(self, get: Get, ranges: Iterable[Range], *, readers: int) -> None:
        self.get = get
        self.readers = readers
        self.waiting: queue.Queue[Range | None] = queue.Queue()  # None: go home
        self.read: queue.Queue[Read | BaseException | None] = queue.Queue(maxsize=8)
        self.lock = threading.Lock()
        self.stop = threading.Event()  # nothing more is read
        self.abandoned = threading.Event()  # nobody takes what was read
        self.open = self.idle = 0
        for given in ranges:
            self.add(given)

    def add(self, given: Range) -> None:
        with self.lock:
            self.open += 1
        self.waiting.put(given)

    def end(self) -> None:
        """Sends every reader home."""
        self.stop.set()
        for _ in range(self.readers):
            self.waiting.put(None)

    def found(self) -> Iterator[Read]:
        """The pages as they come, until every reader has ended."""
        readers = self.readers
        while readers:
            item = self.read.get()
            if item is None:
                readers -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                yield item

    def run(self) -> None:
        """One reader: takes ranges until there are none left to take or to come."""
        try:
            while (given := self.next()) is not None:
                self.read_range(given)
                with self.lock:
                    self.open -= 1
                    last = not self.open
                if last:
                    self.end()
        except BaseException as error:
            self.put(error)
            self.end()
        self.put(None)

    def put(self, item: Read | BaseException | None) -> None:
        """Hands over what was read; where nobody takes it any more, it is dropped."""
        while True:
            try:
                self.read.put(item, timeout=0.1)
                return
            except queue.Full:
                if self.abandoned.is_set():
                    return

    def next(self) -> Range | None:
        """The next range, waited for as long as a range is still being read; None where none can come any more."""
        with self.lock:
            self.idle += 1
        try:
            return self.waiting.get()
        finally:
            with self.lock:
                self.idle -= 1

    def read_range(self, given: Range) -> None:
        """Reads a range to its end; gives the older half of what is left away while somebody is idle."""
        listing, above = given.listing, given.above
        after: dict[str, str] = {}
        while not self.stop.is_set():
            bound = {"created": {"lte": given.upto} | ({"gt": above} if above >= 0 else {})}
            page = self.get(listing.path, limit=PAGE, **bound, **listing.params, **after)
            rows: Page = page["data"]
            if not page["has_more"]:
                self.put(Read(listing.name, rows, Range(listing, above, given.upto)))
                return
            self.put(Read(listing.name, rows, None))
            after = {"starting_after": rows[-1]["id"]}
            oldest = int(rows[-1]["created"])
            middle = self.split(rows, above, oldest)
            if middle is not None:
                self.add(Range(listing, above, middle))
                above = middle

    def split(self, rows: Page, above: int, oldest: int) -> int | None:
        """The moment at which the rest is divided, if it is: by time, and only where some pages of it seem to be left.

        How many is guessed from the page that was just read; where the list has no known beginning, it goes on for ten more.
        """
        with self.lock:
            wanted = self.idle > self.waiting.qsize()
        span = max(1, int(rows[0]["created"]) - oldest)
        if above < 0:
            above = max(-1, oldest - 10 * span)
        middle = (above + oldest) // 2
        worth = oldest - above >= WORTH * span
        return middle if wanted and worth and above < middle < oldest else None
