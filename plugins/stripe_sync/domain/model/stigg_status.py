"""Stigg's statuses of subscriptions, packages and coupons. Decoded entities keep the text that Stigg sent."""

from __future__ import annotations

from enum import StrEnum


class StiggStatus(StrEnum):
    """Status of a subscription in Stigg."""

    ACTIVE = "ACTIVE"
    IN_TRIAL = "IN_TRIAL"
    NOT_STARTED = "NOT_STARTED"
    PAYMENT_PENDING = "PAYMENT_PENDING"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class PackageStatus(StrEnum):
    """Status of a version of a plan or an add-on."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    ARCHIVED = "ARCHIVED"


class CouponStatus(StrEnum):
    """Status of a coupon of the catalog, or of one that a subscription has; only the latter is removed."""

    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    REMOVED = "REMOVED"
