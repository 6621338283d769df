"""Kinds of entities in Stigg, the sides that a snapshot shows, and the causes for which a draft waits."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Cause = Literal["usage", "short", "tax", "unowed"]  # of a draft that waits (usage/holds.py)


class EntityKind(StrEnum):
    """Kind of a Stigg entity that has a status."""

    PRODUCT = "product"
    PLAN = "plan"
    ADDON = "addon"
    COUPON = "coupon"
    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"


class Side(StrEnum):
    STIGG = "stigg"
    STRIPE = "stripe"
