"""A folder of reports: on disk, or in an object store as Airflow and universal-pathlib show one."""

from __future__ import annotations

from typing import IO, Literal, Protocol


class ReportFile(Protocol):
    """A file that can be written."""

    def open(self, mode: Literal["wb"]) -> IO[bytes]:
        """Open the file for writing."""


class Folder(Protocol):
    """A path object of a folder."""

    def __truediv__(self, name: str) -> ReportFile:
        """Return the file of a name."""

    def mkdir(self, *, parents: bool, exist_ok: bool) -> None:
        """Create the folder."""
