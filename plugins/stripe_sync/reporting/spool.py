"""Rows of a table: small tables in memory, large ones in a temporary file."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import overload

from stripe_sync.reporting.cells import Row

IN_MEMORY = 4_000_000  # bytes of a table that is kept in memory


class Rows:
    """A sequence of rows in a spooled file; each iteration reads from the first row. Not thread-safe."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, prefix="stripe_sync-")  # noqa: SIM115, closed below
        self.count = 0
        for row in rows:
            pickle.dump(row, self.file, protocol=pickle.HIGHEST_PROTOCOL)
            self.count += 1

    def __del__(self) -> None:
        self.file.close()

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Row]:
        at = 0
        for _ in range(self.count):
            self.file.seek(at)
            row: Row = pickle.load(self.file)
            at = self.file.tell()
            yield row

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """Return one row, or the rows of a slice; reading starts at the first row."""
        if isinstance(index, slice):
            return list(islice(self, index.start, index.stop, index.step))
        return next(islice(self, index, None))
