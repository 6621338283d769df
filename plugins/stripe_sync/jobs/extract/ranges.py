"""Parallel reads of lists in Stripe: several lists at once, each in ranges of ``created`` that are split during the read.

A list is newest first and paged by cursor, so one reader gets one page per round trip. An idle reader takes the older half
of another reader's remaining range, by time (work stealing). The splits follow the data: a day with half of all objects is
split repeatedly, an empty year costs one request. The upper bound is fixed, so pages do not shift. An interrupted read
continues with its unfinished ranges.
"""

from __future__ import annotations

import gc
import queue
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from stripe_sync.clients.stripe.pages import Filters, Page, ReadPage

PAGE = 100
MIN_SPLIT_PAGES = 8  # estimated pages left in a range that is split


@dataclass(frozen=True)
class Listing:
    """One list: the caller's name for it, its path and its filters."""

    name: str
    path: str
    params: Filters

    @property
    def key(self) -> str:
        """Return the identity of the list: its path and its filters."""
        return f"{self.path} {sorted(self.params.items())}"


@dataclass(frozen=True)
class Range:
    """Work of one reader: the rows of a list with ``above < created <= upto`` (Unix seconds)."""

    listing: Listing
    above: int
    upper: int


class Read(NamedTuple):
    """One page of a list; ``finished`` is its range if this is the last page of it, else None."""

    name: str
    rows: Page
    finished: Range | None


Finished = Mapping[str, Iterable[tuple[int, int]]]  # (above, upto) of the finished ranges, by the list's key


def pages(
    get: ReadPage, listings: Iterable[Listing], *, upper: int, readers: int, finished: Finished | None = None
) -> Iterator[Read]:
    """Yield every page of every list, in any order, without the finished ranges. Raises the first failure of a reader."""
    left = [r for listing in listings for r in remaining(listing, upper, (finished or {}).get(listing.key, ()))]
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
    """Run the cyclic garbage collector rarely: scanning the decoded pages took 40 % of a read's time."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def remaining(listing: Listing, upper: int, finished: Iterable[tuple[int, int]]) -> list[Range]:
    """Return the ranges of a list that are not finished, newest first."""
    left, top = [], upper
    for above, until in sorted(finished, reverse=True):
        if until < top:
            left.append(Range(listing, until, top))
        top = min(top, above)
    return [*left, Range(listing, -1, top)] if top > -1 else left


class Work:
    """Queue of ranges for the readers, and of pages for the caller."""

    def __init__(self, get: ReadPage, ranges: Iterable[Range], *, readers: int) -> None:
        self.get = get
        self.readers = readers
        self.waiting: queue.Queue[Range | None] = queue.Queue()  # None: shutdown sentinel
        self.read: queue.Queue[Read | BaseException | None] = queue.Queue(maxsize=8)
        self.lock = threading.Lock()
        self.stop = threading.Event()  # readers stop after their current request
        self.abandoned = threading.Event()  # the caller takes no more pages
        self.open = self.idle = 0
        for given in ranges:
            self.add(given)

    def add(self, given: Range) -> None:
        """Queue a range."""
        with self.lock:
            self.open += 1
        self.waiting.put(given)

    def end(self) -> None:
        """Tell all readers to stop."""
        self.stop.set()
        for _ in range(self.readers):
            self.waiting.put(None)

    def found(self) -> Iterator[Read]:
        """Yield each page until all readers have ended. Raises the error of a reader."""
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
        """Run one reader: read ranges until all are finished."""
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
        """Pass an item to the caller; drop it after the caller has stopped."""
        while True:
            try:
                self.read.put(item, timeout=0.1)
                return
            except queue.Full:
                if self.abandoned.is_set():
                    return

    def next(self) -> Range | None:
        """Wait for the next range; return None where no more ranges can follow."""
        with self.lock:
            self.idle += 1
        try:
            return self.waiting.get()
        finally:
            with self.lock:
                self.idle -= 1

    def read_range(self, given: Range) -> None:
        """Read a range to its end; give the older half of the rest away while another reader is idle."""
        listing, above = given.listing, given.above
        after: dict[str, str] = {}
        while not self.stop.is_set():
            bound = {"created": {"lte": given.upper} | ({"gt": above} if above >= 0 else {})}
            page = self.get(listing.path, limit=PAGE, **bound, **listing.params, **after)
            rows = Page(page["data"])
            if not page["has_more"]:
                self.put(Read(listing.name, rows, Range(listing, above, given.upper)))
                return
            self.put(Read(listing.name, rows, None))
            after = {"starting_after": rows.last_id}
            middle = self.split(rows, above)
            if middle is not None:
                self.add(Range(listing, above, middle))
                above = middle

    def split(self, rows: Page, above: int) -> int | None:
        """Return the time at which to split the rest of a range, or None.

        A range is split only while a reader is idle and enough pages seem left. Their number is estimated from the current
        page; a list without a known beginning is assumed to have ten more pages.
        """
        with self.lock:
            is_needed = self.idle > self.waiting.qsize()
        oldest = rows.oldest
        span = max(1, rows.newest - oldest)
        if above < 0:
            above = max(-1, oldest - 10 * span)
        middle = (above + oldest) // 2
        is_long = oldest - above >= MIN_SPLIT_PAGES * span
        return middle if is_needed and is_long and above < middle < oldest else None
