"""Stripe's invoices with their lines: the fields that this pipeline reads. Amounts in minor units, times in Unix seconds."""

from __future__ import annotations

from decimal import Decimal

from stripe_sync.domain.model.stripe import Stripe
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.model.stripe_subscriptions import (
    AutomaticTax,
    InvoiceParent,
    ManualRate,
    Reference,
    StripeDiscount,
)


class LinePeriod(Stripe, frozen=True):
    """The half-open period of an invoice line."""

    start: int
    end: int


class SubscriptionItemDetails(Stripe, frozen=True):
    """The subscription item of an invoice line."""

    subscription_item: str | None = None
    proration: bool = False


class InvoiceItemDetails(Stripe, frozen=True):
    """The invoice item of an invoice line; a proration names its subscription item too."""

    invoice_item: str | None = None
    subscription_item: str | None = None
    proration: bool = False


class LineParent(Stripe, frozen=True):
    """The origin of an invoice line."""

    type: str = ""
    subscription_item_details: SubscriptionItemDetails | None = None
    invoice_item_details: InvoiceItemDetails | None = None


class LineDiscount(Stripe, frozen=True):
    """A discount of an invoice line."""

    amount: int


class LineTax(Stripe, frozen=True):
    """A tax of an invoice line."""

    amount: int
    tax_behavior: str | None = None


class PriceDetails(Stripe, frozen=True):
    """The price and product of a line or an item, expanded or not."""

    price: Reference | str | None = None
    product: str | None = None


class LinePricing(Stripe, frozen=True):
    """The price of a line or an item; ``unit_amount_decimal`` may have a fraction."""

    price_details: PriceDetails | None = None
    unit_amount_decimal: Decimal | None = None

    def price(self) -> str | None:
        """Return the id of the price, None without one."""
        found = self.price_details.price if self.price_details is not None else None
        return found.id if isinstance(found, Reference) else found or None


class InvoiceLine(Stripe, frozen=True):
    """A line of an invoice, with the fields of its renewal and of its part of the total."""

    id: str
    amount: int
    period: LinePeriod
    currency: str = ""
    parent: LineParent | None = None
    metadata: dict[str, str] | None = None
    discount_amounts: list[LineDiscount] | None = None
    taxes: list[LineTax] | None = None
    quantity: int | None = None
    quantity_decimal: Decimal | None = None
    pricing: LinePricing | None = None

    @property
    def origin(self) -> LineParent:
        """Return the origin, an empty one where Stripe names none."""
        return self.parent or LineParent()

    def units(self) -> Decimal:
        """Return the exact quantity; 0 where the line has none."""
        return Decimal(self.quantity_decimal or self.quantity or 0)

    def unit_amount(self) -> Decimal:
        """Return the price of one unit; of a line without a price, its amount."""
        unit = self.pricing.unit_amount_decimal if self.pricing is not None else None
        return Decimal(self.amount) if unit is None else unit

    def price(self) -> str | None:
        """Return the id of its price, None without one."""
        return self.pricing.price() if self.pricing is not None else None


class InvoiceLines(Stripe, frozen=True):
    """The lines of an invoice; with ``has_more`` they are the first ones."""

    data: list[InvoiceLine] = []
    has_more: bool = False


class StatusTransitions(Stripe, frozen=True):
    """The times of an invoice's changes of status."""

    finalized_at: int | None = None


class FinalizationError(Stripe, frozen=True):
    """The reason why Stripe could not finalize a draft."""

    code: str | None = None
    message: str | None = None


class StripeInvoice(Stripe, frozen=True):
    """An invoice with what it says of its subscription.

    ``unowed``, ``covered`` and ``credited`` are our own notes: whether a draft sells time after an end, what a minimum spend
    was charged in advance, and the credited amounts by line.
    """

    id: str
    currency: str
    customer: str | None = None
    status: str = "draft"
    billing_reason: str | None = None
    parent: InvoiceParent | None = None
    auto_advance: bool | None = False
    automatically_finalizes_at: int | None = None
    attempted: bool | None = False
    next_payment_attempt: int | None = None
    amount_remaining: int = 0
    collection_method: str | None = "charge_automatically"
    lines: InvoiceLines = InvoiceLines()
    subtotal: int = 0
    total: int = 0
    starting_balance: int = 0
    ending_balance: int | None = None
    pre_payment_credit_notes_amount: int | None = 0
    post_payment_credit_notes_amount: int | None = 0
    created: int = 0
    period_end: int = 0
    metadata: dict[str, str] | None = None
    discounts: list[StripeDiscount | str] | None = None
    automatic_tax: AutomaticTax | None = None
    default_tax_rates: list[ManualRate | str] | None = None
    status_transitions: StatusTransitions = StatusTransitions()
    default_payment_method: Reference | str | None = None
    default_source: Reference | str | None = None
    last_finalization_error: FinalizationError | None = None
    deleted: bool = False
    unowed: bool | None = False
    covered: int | None = None
    credited: dict[str, int] | None = None

    def subscription(self) -> str | None:
        """Return the id of the subscription that it bills."""
        return self.parent.subscription() if self.parent is not None else None

    def owed(self) -> int:
        """Return the amount due, minor units; of a draft with a negative total, the total."""
        return self.total if self.status == InvoiceStatus.DRAFT and self.total < 0 else self.amount_remaining

    def payment_method(self) -> str | None:
        """Return the id of the payment method or source that it names."""
        named = self.default_payment_method or self.default_source
        return named.id if isinstance(named, Reference) else named

    def is_without_attempt(self) -> bool:
        """Return whether it is open, collected automatically and without a next attempt: paid now, or never tried again."""
        is_automatic = self.collection_method == "charge_automatically" and bool(self.auto_advance)
        return self.status == InvoiceStatus.OPEN and is_automatic and self.next_payment_attempt is None

    def metered_items(self) -> set[str]:
        """Return the subscription items whose use it has lines for: lines of a time that was over as it was created."""
        over = [line.origin.subscription_item_details for line in self.lines.data if line.period.end <= self.created]
        return {item.subscription_item for item in over if item and item.subscription_item and not item.proration}


class StripeInvoiceItem(Stripe, frozen=True):
    """An invoice item; on an invoice, or pending."""

    id: str
    amount: int
    currency: str
    period: LinePeriod
    pricing: LinePricing | None = None
    tax_rates: list[ManualRate | str] | None = None
    proration: bool | None = False
    discountable: bool | None = False
    invoice: Reference | str | None = None
    parent: InvoiceParent | None = None
    metadata: dict[str, str] | None = None

    def subscription(self) -> str | None:
        """Return the id of the subscription that it belongs to."""
        return self.parent.subscription() if self.parent is not None else None

    def invoice_id(self) -> str | None:
        """Return the id of the invoice that bills it, None while it is pending."""
        return self.invoice.id if isinstance(self.invoice, Reference) else self.invoice

    def price(self) -> str | None:
        """Return the id of its price, None without one."""
        return self.pricing.price() if self.pricing is not None else None

    def product(self) -> str | None:
        """Return the id of its product, None without one."""
        details = self.pricing.price_details if self.pricing is not None else None
        return details.product if details is not None else None


class CreditNote(Stripe, frozen=True):
    """A credit note of an invoice; amounts with and without tax."""

    id: str
    currency: str
    total: int
    subtotal: int | None = None
    total_excluding_tax: int | None = None
    metadata: dict[str, str] | None = None


class CreditNoteLine(Stripe, frozen=True):
    """A line of a credit note, with the line of the invoice that it credits."""

    amount: int
    invoice_line_item: str | None = None
