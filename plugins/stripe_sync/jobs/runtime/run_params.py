"""Parameters of a run: the wishes of a person or a schedule, for every job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Scalar = str | int | float | bool | None
# A request of a checkout as it was given; ``domain/checkout/request.py`` checks it.
CheckoutFields = dict[str, Scalar | dict[str, Scalar] | list[Scalar]]
# Parameters as callers give them and the warehouse keeps them.
GivenParams = Mapping[
    str, Scalar | list[str] | tuple[str, ...] | Mapping[str, Scalar | Mapping[str, int] | Mapping[str, Scalar]]
]


class RunParams(msgspec.Struct, frozen=True):
    """Parameters of a run. A name that a run was not given has its default, which chooses nothing.

    ``mode`` limits the mode of every lane; a text that is no mode leaves the environment's own. ``entities``, ``customers`` and
    ``entity`` (kind, id) choose differences, ``since`` and ``until`` (ISO 8601) those of a time range, which ``action`` plans
    or repairs. ``full`` reads everything. ``approval`` is the hash of an approved set. ``month`` (``2026-11``) and ``names``
    are the report's, ``request`` and ``session`` a checkout's.
    """

    mode: str = ""
    action: Literal["", "plan", "repair"] = ""
    entities: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    entity: tuple[str, str] | None = None
    full: bool = False
    since: str | None = None
    until: str | None = None
    approval: str = ""
    month: str = ""
    names: bool = False
    session: str = ""
    request: CheckoutFields | None = None

    @property
    def is_chosen(self) -> bool:
        """return whether some differences are chosen by kind, customer or entity."""
        return bool(self.entities or self.customers or self.entity)


NO_PARAMS = RunParams()
