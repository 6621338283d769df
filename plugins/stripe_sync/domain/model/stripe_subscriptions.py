"""Stripe's subscriptions and invoices: the fields that this pipeline owns or that tell it what it may do."""

from __future__ import annotations

from stripe_sync.domain.model.stripe import ItemPrice, PaymentMethod, Stripe


class StripeItem(Stripe, frozen=True):
    id: str
    price: ItemPrice
    quantity: int | None = None
    created: int = 0
    current_period_start: int = 0
    current_period_end: int = 0


class ItemList(Stripe, frozen=True):
    data: list[StripeItem]
    has_more: bool = False


class Reference(Stripe, frozen=True):
    """The id of an object that was expanded."""

    id: str


class DiscountSource(Stripe, frozen=True):
    type: str = "coupon"
    coupon: Reference | str | None = None

    def coupon_id(self) -> str | None:
        """Return the coupon's id, expanded or not."""
        return self.coupon.id if isinstance(self.coupon, Reference) else self.coupon


class StripeDiscount(Stripe, frozen=True):
    id: str
    source: DiscountSource = DiscountSource()
    end: int | None = None


class AutomaticTax(Stripe, frozen=True):
    """``disabled_reason`` is set where Stripe switched automatic tax off (SB 17.2)."""

    enabled: bool = False
    disabled_reason: str | None = None


class ManualRate(Stripe, frozen=True):
    """A tax rate that was set by hand."""

    id: str


class UntaxedInvoice(Stripe, frozen=True):
    """A finalized invoice of a subscription on which Stripe switched automatic tax off; ``total`` is in minor units."""

    id: str
    total: int
    currency: str


class PauseCollection(Stripe, frozen=True):
    """A pause of a subscription's payments, and what happens to its invoices meanwhile."""

    behavior: str | None = None


class CancellationDetails(Stripe, frozen=True):
    """The reason why a subscription ended."""

    reason: str | None = None


class PendingUpdate(Stripe, frozen=True):
    """A change of a subscription that waits for its payment."""

    expires_at: int | None = None


class StripeSubscription(Stripe, frozen=True):
    id: str
    customer: str
    status: str
    items: ItemList
    collection_method: str
    currency: str
    metadata: dict[str, str] = {}
    days_until_due: int | None = None
    schedule: str | None = None
    pause_collection: PauseCollection | None = None
    cancel_at: int | None = None
    start_date: int = 0
    trial_end: int | None = None
    billing_cycle_anchor: int = 0
    billing_cycle_anchor_config: dict[str, int | None] | None = None
    ended_at: int | None = None
    cancellation_details: CancellationDetails | None = None
    discounts: list[StripeDiscount | str] = []
    automatic_tax: AutomaticTax = AutomaticTax()
    default_tax_rates: list[ManualRate] | None = None
    untaxed_invoices: list[UntaxedInvoice] = []
    default_payment_method: PaymentMethod | str | None = None
    default_source: Reference | str | None = None
    pending_update: PendingUpdate | None = None
    created: int = 0

    def payment_method(self) -> PaymentMethod | None:
        """Return the payment method of its own, else its source as one of the type ``source``; of a bare id, its id alone."""
        method, source = self.default_payment_method, self.default_source
        if method is None and source is not None:
            return PaymentMethod(source if isinstance(source, str) else source.id, "source")
        return PaymentMethod(method) if isinstance(method, str) else method


class SubscriptionDetails(Stripe, frozen=True):
    """The subscription of an invoice, expanded or not."""

    subscription: Reference | str | None = None


class InvoiceParent(Stripe, frozen=True):
    """The origin of an invoice."""

    subscription_details: SubscriptionDetails | None = None


class LinePeriod(Stripe, frozen=True):
    """The period of an invoice line; Unix seconds."""

    start: int
    end: int


class LineItemDetails(Stripe, frozen=True):
    """The subscription item of an invoice line."""

    subscription_item: str | None = None
    proration: bool = False


class LineParent(Stripe, frozen=True):
    """The origin of an invoice line."""

    type: str = ""
    subscription_item_details: LineItemDetails | None = None


class LineDiscount(Stripe, frozen=True):
    """A discount of an invoice line, minor units."""

    amount: int


class LineTax(Stripe, frozen=True):
    """A tax of an invoice line, minor units."""

    amount: int
    tax_behavior: str | None = None


class InvoiceLine(Stripe, frozen=True):
    """A line of an invoice, with the fields of its renewal and of its part of the total; minor units."""

    id: str
    amount: int
    period: LinePeriod
    parent: LineParent = LineParent()
    metadata: dict[str, str] | None = None
    discount_amounts: list[LineDiscount] | None = None
    taxes: list[LineTax] | None = None


class InvoiceLines(Stripe, frozen=True):
    """The lines of an invoice, as an extract stores them."""

    data: list[InvoiceLine] = []


class StripeInvoice(Stripe, frozen=True):
    """A draft, or an open invoice that a creation or a change made, with what it says of its subscription."""

    id: str
    customer: str
    currency: str
    status: str = "draft"
    billing_reason: str | None = None
    parent: InvoiceParent | None = None
    auto_advance: bool = False
    automatically_finalizes_at: int | None = None
    attempted: bool = False
    next_payment_attempt: int | None = None
    amount_remaining: int = 0
    collection_method: str = "charge_automatically"
    lines: InvoiceLines = InvoiceLines()
    subtotal: int = 0
    created: int = 0
    period_end: int = 0
    deleted: bool = False

    def subscription(self) -> str | None:
        """Return the id of the subscription that it bills."""
        details = self.parent.subscription_details if self.parent else None
        found = details.subscription if details else None
        return found.id if isinstance(found, Reference) else found
