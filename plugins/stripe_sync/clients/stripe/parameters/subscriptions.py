"""Parameters of subscriptions, of checkout sessions, and of the preview of a subscription's invoice."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from stripe_sync.clients.stripe.parameters.encoding import AutomaticTaxParams, DiscountParams, Parameters


class ItemParams(Parameters, frozen=True, kw_only=True):
    """An item of a subscription or a session: a new one by its price, a current one by its ``id``."""

    id: str | UnsetType = UNSET
    price: str | UnsetType = UNSET
    quantity: int | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET


class BillingMode(Parameters, frozen=True, kw_only=True):
    type: str = "flexible"


class AnchorConfig(Parameters, frozen=True, kw_only=True):
    """The day and time of renewals; a short month has its last day instead."""

    day_of_month: int
    month: int | UnsetType = UNSET
    hour: int | UnsetType = UNSET
    minute: int | UnsetType = UNSET
    second: int | UnsetType = UNSET


class NewSubscription(Parameters, frozen=True, kw_only=True):
    """A subscription has ``billing_cycle_anchor`` (Unix seconds) or its config."""

    customer: str
    items: list[ItemParams]
    collection_method: str
    proration_behavior: str
    metadata: dict[str, str]
    expand: list[str]
    automatic_tax: AutomaticTaxParams
    billing_mode: BillingMode = BillingMode()
    billing_cycle_anchor: int | UnsetType = UNSET
    billing_cycle_anchor_config: AnchorConfig | UnsetType = UNSET
    backdate_start_date: int | UnsetType = UNSET
    days_until_due: int | UnsetType = UNSET
    payment_behavior: str | UnsetType = UNSET
    default_payment_method: str | UnsetType = UNSET
    add_invoice_items: list[ItemParams] | UnsetType = UNSET
    discounts: list[DiscountParams] | UnsetType = UNSET
    cancel_at: int | UnsetType = UNSET


class NewAnchor(Parameters, frozen=True, kw_only=True):
    """The start of new periods, ``now``."""

    type: str


class SubscriptionChange(Parameters, frozen=True, kw_only=True):
    """``discounts`` and ``cancel_at`` are removed by an empty text."""

    expand: list[str]
    items: list[ItemParams] | UnsetType = UNSET
    proration_behavior: str | UnsetType = UNSET
    proration_date: int | UnsetType = UNSET
    collection_method: str | UnsetType = UNSET
    payment_behavior: str | UnsetType = UNSET
    billing_cycle_anchor: NewAnchor | UnsetType = UNSET
    days_until_due: int | UnsetType = UNSET
    discounts: list[DiscountParams] | Literal[""] | UnsetType = UNSET
    cancel_at: int | Literal[""] | UnsetType = UNSET
    trial_end: int | UnsetType = UNSET
    automatic_tax: AutomaticTaxParams | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET


class SubscriptionData(Parameters, frozen=True, kw_only=True):
    """The subscription that a session makes."""

    metadata: dict[str, str]
    billing_mode: BillingMode = BillingMode()
    trial_period_days: int | UnsetType = UNSET


class CustomerUpdate(Parameters, frozen=True, kw_only=True):
    """The customer's fields that a session changes."""

    address: str = "auto"


class NewSession(Parameters, frozen=True, kw_only=True):
    """A checkout session; ``expires_at`` in Unix seconds."""

    customer: str
    client_reference_id: str
    line_items: list[ItemParams]
    success_url: str
    metadata: dict[str, str]
    subscription_data: SubscriptionData
    expires_at: int
    automatic_tax: AutomaticTaxParams
    mode: str = "subscription"
    cancel_url: str | UnsetType = UNSET
    discounts: list[DiscountParams] | UnsetType = UNSET
    customer_update: CustomerUpdate | UnsetType = UNSET


class PreviewAnchor(Parameters, frozen=True, kw_only=True):
    """The anchor of a new subscription, Unix seconds."""

    timestamp: int
    type: str = "timestamp"


class PreviewDetails(Parameters, frozen=True, kw_only=True):
    """The subscription as it will be."""

    items: list[ItemParams] | UnsetType = UNSET
    billing_mode: BillingMode | UnsetType = UNSET
    billing_cycle_anchor: PreviewAnchor | NewAnchor | UnsetType = UNSET
    proration_behavior: str | UnsetType = UNSET
    proration_date: int | UnsetType = UNSET
    cancel_at: int | UnsetType = UNSET
    start_date: int | UnsetType = UNSET


class InvoicePreview(Parameters, frozen=True, kw_only=True):
    """The preview of the immediate invoice of a new subscription of a customer, or of a change of a subscription."""

    subscription_details: PreviewDetails
    customer: str | UnsetType = UNSET
    subscription: str | UnsetType = UNSET
    discounts: list[DiscountParams] | UnsetType = UNSET
    automatic_tax: AutomaticTaxParams | UnsetType = UNSET
    invoice_items: list[ItemParams] | UnsetType = UNSET
