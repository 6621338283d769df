"""Drafts and open invoices as the decision on stuck invoices takes them."""

from __future__ import annotations

from stripe_sync.domain.model.stripe import Stripe
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.model.stripe_subscriptions import InvoiceLines, Reference


class FinalizationError(Stripe, frozen=True):
    """The error with which the last finalization failed."""

    code: str | None = None
    message: str | None = None


class Transitions(Stripe, frozen=True):
    """Unix seconds of the changes of an invoice's status."""

    finalized_at: int | None = None


class WatchedInvoice(Stripe, frozen=True):
    """A draft or an open invoice; amounts in minor units, moments in Unix seconds."""

    id: str
    status: str
    currency: str = ""
    customer: str = ""
    billing_reason: str | None = None
    collection_method: str = "charge_automatically"
    auto_advance: bool = False
    automatically_finalizes_at: int | None = None
    next_payment_attempt: int | None = None
    total: int = 0
    amount_remaining: int = 0
    created: int = 0
    last_finalization_error: FinalizationError | None = None
    status_transitions: Transitions = Transitions()
    default_payment_method: Reference | str | None = None
    default_source: Reference | str | None = None
    metadata: dict[str, str] | None = None
    lines: InvoiceLines = InvoiceLines()

    def is_draft(self) -> bool:
        """Return whether it is a draft."""
        return self.status == InvoiceStatus.DRAFT

    def owed(self) -> int:
        """Return the amount due, minor units; of a draft with a negative total, the total."""
        return self.total if self.is_draft() and self.total < 0 else self.amount_remaining

    def payment_method(self) -> str | None:
        """Return the id of the payment method or source that it names."""
        named = self.default_payment_method or self.default_source
        return named.id if isinstance(named, Reference) else named

    def is_without_attempt(self) -> bool:
        """Return whether it is open, collected automatically and without a next attempt: paid now, or never tried again."""
        is_automatic = self.collection_method == "charge_automatically" and self.auto_advance
        return self.status == InvoiceStatus.OPEN and is_automatic and self.next_payment_attempt is None

    def metered_items(self) -> set[str]:
        """Return the subscription items whose use it has lines for: lines of a time that was over as it was created."""
        over = [line.parent.subscription_item_details for line in self.lines.data if line.period.end <= self.created]
        return {item.subscription_item for item in over if item and item.subscription_item and not item.proration}
