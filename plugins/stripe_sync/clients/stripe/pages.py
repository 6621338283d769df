"""Pages of lists: the reader of one page, and its objects, which jobs pass on to the warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Filters = Mapping[str, bool | str | list[str]]  # of a list, by the name of the parameter


class ReadPage(Protocol):
    """A request of one page of a list, such as ``StripeApi.page``."""

    def __call__(self, path: str, /, **params: Any) -> dict[str, Any]: ...


class Page(list[dict[str, Any]]):
    """The objects of one page, newest first."""

    @property
    def newest(self) -> int:
        """Return the creation time of the first object; Unix seconds."""
        return int(self[0]["created"])

    @property
    def oldest(self) -> int:
        """Return the creation time of the last object; Unix seconds."""
        return int(self[-1]["created"])

    @property
    def last_id(self) -> str:
        """Return the id of the last object, after which the next page begins."""
        return str(self[-1]["id"])
