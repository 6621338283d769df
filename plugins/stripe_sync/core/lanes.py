"""Lanes of writes and their modes, as settings, plans and the warehouse have them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Lane(StrEnum):
    """Writes that share a mode, a lease and limits."""

    CATALOG = "catalog"
    CUSTOMERS = "customers"
    SUBSCRIPTIONS = "subscriptions"
    USAGE = "usage"
    CANCELLATIONS = "stigg-cancellations"
    CHECKOUT = "checkout"  # written under the modes of customers and subscriptions; it has none of its own


class Mode(StrEnum):
    """Permission of a lane: to show, to ask, to write."""

    OBSERVE = "observe"
    PROPOSE = "propose"
    ENFORCE = "enforce"


# The lanes that have a mode, in the order in which settings and messages name them.
LANES: Final = (Lane.CATALOG, Lane.CUSTOMERS, Lane.SUBSCRIPTIONS, Lane.USAGE, Lane.CANCELLATIONS)
