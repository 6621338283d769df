"""The status of every entity, in Stigg's own words, and the reasons for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What Stigg's app shows beside an entity: pending, successful, failed, will not be synced."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    ERROR = "ERROR"
    NO_SYNC_REQUIRED = "NO_SYNC_REQUIRED"


class Reason(StrEnum):
    """Why an entity has its status. docs/mapping.md explains each to users."""

    NONE = ""
    NOT_MAPPED = "NOT_MAPPED"
    FREE = "FREE"
    CUSTOM_PRICE = "CUSTOM_PRICE"
    DRAFT = "DRAFT"
    ARCHIVED = "ARCHIVED"
    TRIAL = "TRIAL"
    ENDED = "ENDED"
    NO_SUBSCRIPTION = "NO_SUBSCRIPTION"
    ONLY_FREE = "ONLY_FREE"
    ONLY_TRIAL = "ONLY_TRIAL"
    ONLY_CUSTOM = "ONLY_CUSTOM"
    NOTHING_PAID = "NOTHING_PAID"
    NO_BILLING_INFORMATION = "NO_BILLING_INFORMATION"
    MADE_IN_STRIPE = "MADE_IN_STRIPE"
    AD_HOC = "AD_HOC"
    CUSTOMER_SYNC_OFF = "CUSTOMER_SYNC_OFF"
    SUBSCRIPTION_SYNC_OFF = "SUBSCRIPTION_SYNC_OFF"
    PRICING_MODEL_NOT_SUPPORTED = "PRICING_MODEL_NOT_SUPPORTED"
    UNKNOWN_SHAPE = "UNKNOWN_SHAPE"
    UNKNOWN_STATUS = "UNKNOWN_STATUS"
    NO_PRICE = "NO_PRICE"
    AMBIGUOUS_CHARGE = "AMBIGUOUS_CHARGE"
    BAD_AMOUNT = "BAD_AMOUNT"
    MIXED_CURRENCIES = "MIXED_CURRENCIES"
    TOO_MANY_ITEMS = "TOO_MANY_ITEMS"
    TOO_MANY_SUBSCRIPTIONS = "TOO_MANY_SUBSCRIPTIONS"
    TOO_MUCH_ONCE = "TOO_MUCH_ONCE"
    TAX_LOCATION = "TAX_LOCATION"
    CUSTOMER_MISSING = "CUSTOMER_MISSING"
    CUSTOMER_DELETED = "CUSTOMER_DELETED"
    DELETED_IN_STRIPE = "DELETED_IN_STRIPE"
    CANCELED_IN_STRIPE = "CANCELED_IN_STRIPE"
    CHANGED_SINCE = "CHANGED_SINCE"
    CANDIDATE = "CANDIDATE"
    FROZEN = "FROZEN"
    NO_AGGREGATION = "NO_AGGREGATION"
    USAGE_AMBIGUOUS = "USAGE_AMBIGUOUS"
    METER_SHARED = "METER_SHARED"
    PAYMENT_PENDING = "PAYMENT_PENDING"
    NOT_STARTED = "NOT_STARTED"
    NO_PAYMENT_METHOD = "NO_PAYMENT_METHOD"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    ID_TAKEN = "ID_TAKEN"
    BLOCKED_BY = "BLOCKED_BY"
    WAITS_FOR_APPROVAL = "WAITS_FOR_APPROVAL"
    WAITS_FOR_WRITE = "WAITS_FOR_WRITE"
    OBSERVED_ONLY = "OBSERVED_ONLY"
    NEEDS_A_PERSON = "NEEDS_A_PERSON"
    PAUSED = "PAUSED"
    STRIPE_REFUSED = "STRIPE_REFUSED"
    STIGG_REFUSED = "STIGG_REFUSED"
    UNVERIFIED = "UNVERIFIED"
    QUARANTINED = "QUARANTINED"


@dataclass(frozen=True)
class EntityStatus:
    """One entity's status; ``kind`` and ``id`` are Stigg's, ``stripe_id`` is what Stigg calls the billing id."""

    kind: str
    id: str
    status: Status
    reason: Reason = Reason.NONE
    detail: str = ""
    stripe_id: str | None = None
