"""Kinds of entities in Stigg, and the sides that a snapshot shows."""

from __future__ import annotations

from enum import StrEnum


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
