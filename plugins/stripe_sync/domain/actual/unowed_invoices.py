"""Invoices of a canceled subscription that sell a period after its end: none of them is finalized or collected (BILLING 7).

Pure; Unix seconds, UTC. Sources disagree on what a cancellation stops (SB 2.1, C3): drafts and open invoices, or finalized
ones alone. Therefore the invoices are read again after it, and those that Stripe would still collect are switched off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from stripe_sync.core.clock import from_epoch
from stripe_sync.core.money import shown
from stripe_sync.domain.actual.endings import LEAD, Collected, is_sold_after
from stripe_sync.domain.model.stripe_invoices import InvoiceLine, StripeInvoice
from stripe_sync.domain.model.stripe_status import COLLECTIBLE, InvoiceStatus


def to_stop(there: Iterable[Collected], *, not_owed: Collection[str]) -> list[str]:
    """Return the sorted ids of invoices that are not owed and that Stripe would still finalize or collect."""
    return sorted(i.id for i in there if i.id in not_owed and i.auto_advance and i.status in COLLECTIBLE)


def renews_soon(next_renewal: int | None, now: int) -> bool:
    """Return whether a renewal may happen between ``prepare`` and the cancellation, so that its invoice is not noted."""
    return next_renewal is not None and next_renewal - now <= LEAD


def still_collected(invoice: Collected) -> str:
    """Return the message about an invoice after the end that Stripe would still collect; empty if it is stopped or final."""
    if not invoice.auto_advance or invoice.status not in COLLECTIBLE:
        return ""
    course = "finalizes and collects it" if invoice.status == InvoiceStatus.DRAFT else "collects it"
    when = f" at {from_epoch(invoice.finalizes_at):%Y-%m-%d %H:%M} UTC" if invoice.finalizes_at is not None else ""
    return f"Stripe {course}{when}: switch auto_advance of {invoice.id} off by hand."


COLLECT_OR_VOID = "Bill that once: collect it by hand, or void it where the final usage invoice bills the same use."


@dataclass(frozen=True)
class Sums:
    """Sums of the lines of an invoice that sells a period after the end; minor units, after discounts and with tax.

    ``owed`` is for time before E, ``sold`` for time from E on, or from less than a minute before it. ``movable`` is the part
    of ``owed`` on our own usage lines; ``persons`` are the ids of the other lines before E: credits, meter lines, foreign lines.
    """

    owed: int
    sold: int
    movable: int
    persons: tuple[str, ...]

    def is_owed_whole(self, status: str) -> bool:
        """Return whether the invoice sells nothing after the end and owes more than a draft's movable usage."""
        return not self.sold and self.owed > (self.movable if status == InvoiceStatus.DRAFT else 0)


@dataclass(frozen=True)
class SoldAfter:
    """The amount on an invoice for time after the end, minor units."""

    invoice: str
    currency: str
    amount: int


@dataclass(frozen=True)
class Renewal:
    """An invoice of a subscription with its sums before and after the end."""

    invoice: Collected
    sums: Sums


def sold_after(renewals: Iterable[Renewal], *, not_owed: Collection[str]) -> tuple[SoldAfter, ...]:
    """Return the amounts for time after the end on the invoices that are not owed.

    An invoice that is owed in full has none: it is a row of uncollected invoices (domain/plan/owed.py).
    """
    found = (r for r in renewals if r.invoice.id in not_owed and not r.sums.is_owed_whole(r.invoice.status))
    return tuple(SoldAfter(r.invoice.id, r.invoice.currency, r.sums.sold) for r in found)


def split(lines: Iterable[InvoiceLine], end: int, own: Collection[str]) -> Sums:
    """Return the sums of an invoice's lines; ``own`` are the ids of our usage lines."""
    owed = sold = movable = 0
    persons = []
    for line in lines:
        amount = charged(line)
        if is_sold_after(line.period.start, end):
            sold += amount
            continue
        owed += amount
        if line.id in own and amount >= 0:
            movable += amount
        elif amount:
            persons.append(line.id)
    return Sums(owed, sold, movable, tuple(persons))


def charged(line: InvoiceLine) -> int:
    """Return a line's part of its invoice's total, minor units: net of discounts, with exclusive tax."""
    off = sum(discount.amount for discount in line.discount_amounts or ())
    tax = sum(tax.amount for tax in line.taxes or () if tax.tax_behavior == "exclusive")
    return line.amount - off + tax


def renewed_after_end(invoice: str, status: str, currency: str, sums: Sums, *, doubt: str = "") -> str:
    """Return the message about a renewal that sold a period after the end (RENEWED_AFTER_END).

    ``doubt`` is a sentence about an end that may be before or after the renewal.
    """
    owed, sold = (shown(Decimal(amount), currency) for amount in (sums.owed, sums.sold))
    says = f"{invoice} ({status}) sells a period that Stigg never sold: {owed} are owed before the end, {sold} are not."
    if doubt:
        says = (
            f"{invoice} ({status}) may sell a period after the end: {owed} are for the time before, {sold} for the time "
            f"after. {doubt} If it is owed, collect it by hand; else:"
        )
    elif sums.is_owed_whole(status):
        says = f"{invoice} ({status}) came after the end and sells nothing after it: {owed} are owed."
    if sums.movable and not doubt and status == InvoiceStatus.DRAFT:
        says += f" {shown(Decimal(sums.movable), currency)} of use go on the final invoice."
    if sums.persons:
        says += f" Its lines {', '.join(sums.persons)} need a person."
    way = COLLECT_OR_VOID if sums.is_owed_whole(status) else way_out(status, sold, is_rest_owed=sums.owed > 0)
    return f"{says} {way}"


def way_out(status: str, sold: str, *, is_rest_owed: bool) -> str:
    """Return the instruction to reverse such a renewal (BILLING 7); ``sold`` is the formatted amount."""
    if status == InvoiceStatus.DRAFT:
        return (
            "Finalize it with auto_advance off, then void it; if Stripe marks it paid at once, since the customer's balance "
            "covers it, credit the whole of it by a credit note instead."
        )
    rest = " Then collect the rest of it." if status == InvoiceStatus.OPEN and is_rest_owed else ""
    return f"Credit {sold} of it by a credit note.{rest}"


def is_settled_after_end(invoice: StripeInvoice, sums: Sums) -> bool:
    """Return whether the invoice needs no action: its sold part is void or credited; if it sold nothing, collected or void."""
    status = invoice.status
    if sums.is_owed_whole(status):
        is_final = status in (InvoiceStatus.PAID, InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE)
        return is_final or bool(invoice.auto_advance)
    credited = (invoice.pre_payment_credit_notes_amount or 0) + (invoice.post_payment_credit_notes_amount or 0)
    return status == InvoiceStatus.VOID or (status != InvoiceStatus.DRAFT and credited >= sums.sold)
