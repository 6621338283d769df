"""Lanes of writes and their modes, as in settings, plans and the warehouse."""

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
    CHECKOUT = "checkout"  # uses the modes of customers and subscriptions


class Mode(StrEnum):
    """Permission of a lane: show differences, request approval, or write."""

    OBSERVE = "observe"
    PROPOSE = "propose"
    ENFORCE = "enforce"


# The lanes that have a mode, in the order of settings and messages.
LANES: Final = (Lane.CATALOG, Lane.CUSTOMERS, Lane.SUBSCRIPTIONS, Lane.USAGE, Lane.CANCELLATIONS)
