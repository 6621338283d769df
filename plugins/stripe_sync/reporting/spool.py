"""The rows of a table, however many there are: few in memory, the rest in a file that goes with them."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, overload

Row = dict[str, Any]
IN_MEMORY = 4_000_000  # bytes of a table that are not worth a file


class Rows:
    """Rows that are read again from the first one by whoever asks. Not for two threads."""

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
            row = pickle.load(self.file)
            at = self.file.tell()
            yield row

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        """One row, or those of a slice that begins at the first."""
        if isinstance(place, slice):
            return list(islice(self, place.start, place.stop, place.step))
        return next(islice(self, place, None))
