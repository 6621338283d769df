"""Stripe's subscriptions and invoices: the fields that this pipeline owns or that tell it what it may do."""

from __future__ import annotations

from stripe_sync.domain.model.stripe import ItemPrice, PaymentMethod, Stripe
from stripe_sync.domain.model.stripe_status import SubscriptionStatus


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
    status: str | None = None


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
    latest_invoice: Reference | str | None = None
    created: int = 0

    def newest_invoice(self) -> str | None:
        """Return the id of its newest invoice, None before the first."""
        found = self.latest_invoice
        return found.id if isinstance(found, Reference) else found

    def pause(self) -> str | None:
        """Return the behavior of its pause of collection, or its status ``paused``; None where it is billed."""
        if self.pause_collection is not None:
            return self.pause_collection.behavior or "paused"
        return "paused" if self.status == SubscriptionStatus.PAUSED else None

    def payment_method(self) -> PaymentMethod | None:
        """Return the payment method of its own, else its source as one of the type ``source``; of a bare id, its id alone."""
        method, source = self.default_payment_method, self.default_source
        if method is None and source is not None:
            return PaymentMethod(source if isinstance(source, str) else source.id, "source")
        return PaymentMethod(method) if isinstance(method, str) else method


class SubscriptionDetails(Stripe, frozen=True):
    """The subscription of an invoice, expanded or not, with its metadata."""

    subscription: Reference | str | None = None
    metadata: dict[str, str] | None = None


class InvoiceParent(Stripe, frozen=True):
    """The origin of an invoice or an invoice item."""

    subscription_details: SubscriptionDetails | None = None

    def subscription(self) -> str | None:
        """Return the id of the subscription, None without one."""
        found = self.subscription_details.subscription if self.subscription_details is not None else None
        return found.id if isinstance(found, Reference) else found or None
