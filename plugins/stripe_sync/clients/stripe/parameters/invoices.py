"""Parameters of invoices, invoice items and meter events."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import UNSET, UnsetType

from stripe_sync.clients.stripe.parameters.encoding import AutomaticTaxParams, DiscountParams, Parameters, Period


class InvoiceTiming(Parameters, frozen=True, kw_only=True):
    """The collection of an invoice, and its finalization time (Unix seconds)."""

    auto_advance: bool
    automatically_finalizes_at: int | UnsetType | None = UNSET


class NewInvoice(Parameters, frozen=True, kw_only=True):
    """An invoice without pending items. Stripe finalizes none with ``auto_advance`` off."""

    customer: str
    currency: str
    collection_method: str
    discounts: list[DiscountParams] | Literal[""]
    automatic_tax: AutomaticTaxParams
    metadata: dict[str, str]
    auto_advance: bool = False
    pending_invoice_items_behavior: str = "exclude"
    days_until_due: int | UnsetType = UNSET
    default_payment_method: str | UnsetType = UNSET
    default_source: str | UnsetType = UNSET
    default_tax_rates: list[str] | UnsetType = UNSET


class PriceData(Parameters, frozen=True, kw_only=True):
    """A unit price of its own, minor units."""

    currency: str
    product: str
    unit_amount_decimal: Decimal | str
    tax_behavior: str | UnsetType = UNSET


class Pricing(Parameters, frozen=True, kw_only=True):
    price: str


class InvoiceItemChange(Parameters, frozen=True, kw_only=True):
    """An item at a price or at a unit price of its own; ``tax_code`` and ``tax_behavior`` are for the latter."""

    pricing: Pricing | UnsetType = UNSET
    price_data: PriceData | UnsetType = UNSET
    quantity: int | UnsetType = UNSET
    quantity_decimal: str | UnsetType = UNSET
    discountable: bool | UnsetType = UNSET
    description: str | UnsetType = UNSET
    period: Period | UnsetType = UNSET
    tax_code: str | UnsetType = UNSET
    tax_behavior: str | UnsetType = UNSET
    tax_rates: list[str] | UnsetType = UNSET


class NewInvoiceItem(InvoiceItemChange, frozen=True, kw_only=True):
    """An item on a draft, or pending for a subscription's next invoice."""

    customer: str
    metadata: dict[str, str]
    invoice: str | UnsetType = UNSET
    subscription: str | UnsetType = UNSET


class MeterEvent(Parameters, frozen=True, kw_only=True):
    """Usage of a customer; ``payload`` has the meter's keys, ``timestamp`` is in Unix seconds."""

    event_name: str
    timestamp: int
    identifier: str
    payload: dict[str, str]
