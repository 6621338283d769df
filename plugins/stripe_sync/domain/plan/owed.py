"""Manual follow-ups of an action: credits to give and pending charges to bill, until Stripe shows them as done.

Pure. Rows are created from a write's answer and notes, and closed by the later state in Stripe.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from stripe_sync.core.money import shown
from stripe_sync.domain.actual.pending_items import Net, Pending, settle
from stripe_sync.domain.model.stripe_invoices import CreditNote, StripeInvoice, StripeInvoiceItem
from stripe_sync.domain.model.stripe_status import COLLECTIBLE, InvoiceStatus
from stripe_sync.domain.plan.actions import Action

INVOICE = "pendinginvoice"  # begins the ownership marker of our invoices of pending charges
NAME = "stiggPending"  # the metadata of a line, or of a credit note, that names the pending items it is for
UNLESS_FINAL = ", or void it where the final usage invoice bills the same use"
LONGEST = 500  # characters of a value of metadata


class OwedKind(StrEnum):
    """Cause of an amount that a write leaves to a person."""

    CHARGE = "charge"
    CREDIT = "credit"
    FOREIGN = "foreign"
    UNUSED = "unused"
    SOLD_AFTER = "sold_after"
    UNCOLLECTED = "uncollected"


@dataclass(frozen=True)
class Owed:
    """One amount that a person bills or credits. ``amount`` in minor units: positive, or a foreign item's own.

    ``items`` are pending invoice items; ``invoice`` is the one that has to be credited, void or collected, of a charge
    our own that bills its items. ``removed`` says that Stripe removed the items with the cancellation; None until they
    were looked at. ``waits``: no action is needed yet. ``why`` says why our invoice stays as it is, and the way out.
    """

    kind: OwedKind
    currency: str
    amount: int
    items: tuple[str, ...] = ()
    product: str | None = None
    invoice: str | None = None
    removed: bool | None = None
    waits: bool = False
    why: str = ""

    @property
    def name(self) -> str:
        """Return what names its items in metadata."""
        return ",".join(self.items)[:LONGEST]

    @property
    def part(self) -> str:
        """Return what tells it apart among the rows of its action."""
        if self.items and self.kind != OwedKind.UNUSED:
            return self.name
        return f"{self.kind} {','.join(self.items) or self.invoice or ''}".strip()[:LONGEST]

    def sentence(self) -> str:
        """Return the message for a person: the amount, its cause, and the way out."""
        amount = shown(Decimal(self.amount), self.currency)
        if self.kind == OwedKind.FOREIGN:
            return f"The pending item {self.part} ({amount}) is not the pipeline's; bill it or delete it."
        if self.kind == OwedKind.UNUSED:
            return f"{amount} of the paid period lie after the end; credit {self.invoice}, or set stripe.end_proration to none."
        if self.kind == OwedKind.UNCOLLECTED:
            return f"{amount} on {self.invoice} are owed and not collected any more; collect it by hand{UNLESS_FINAL}."
        if self.kind == OwedKind.SOLD_AFTER:
            return f"{amount} on {self.invoice} are for time after the end; void or credit it."
        if self.kind == OwedKind.CHARGE and self.invoice:
            return f"{amount} of charges for {self.product} are on {self.invoice}, which {self.why or 'could not be read'}."
        if self.kind == OwedKind.CREDIT and self.invoice:
            return f"{amount} are to be credited on {self.invoice} once it is finalized."
        if self.kind == OwedKind.CREDIT:
            return (
                f"{amount} of credits for {self.product} were pending and are not set off; give them by a credit note of "
                f"that amount."
            )
        how = f"bill them with {NAME}={self.name} in the line's metadata" if self.removed else "bill or delete them"
        return f"{amount} of charges for {self.product} ({self.part}) were pending and are not billed; {how}."


def owed_of(action: Action) -> list[Owed]:
    """Return what an action that was made leaves to a person; what it bills itself is closed once Stripe shows it."""
    found = []
    if credit := action.after.get("credit"):
        found.append(Owed(OwedKind.CREDIT, credit["currency"], int(credit["amount"]), invoice=credit["invoice"]))
    settlement = settle(Pending(**item) for item in action.noted.get("pending", ()))
    found += [replace(of_net(OwedKind.CHARGE, net), waits=True) for net in settlement.billed]
    found += [of_net(OwedKind.CREDIT, net) for net in settlement.credited if net.amount]
    found += [Owed(OwedKind.FOREIGN, p.currency, p.amount, (p.id,), p.product) for p in settlement.persons]
    if unused := action.noted.get("unused"):
        found.append(Owed(OwedKind.UNUSED, unused["currency"], unused["amount"], invoice=unused["invoice"]))
    for part in action.noted.get("unused_pending", ()):
        found.append(Owed(OwedKind.UNUSED, part["currency"], part["amount"], tuple(part["items"]), waits=True))
    return found + of_invoices(action)


def of_invoices(action: Action) -> list[Owed]:
    """Return the rows of whole invoices: those that sold time after the end, and those whose collection is given back."""
    sold = [
        Owed(OwedKind.SOLD_AFTER, s["currency"], s["amount"], invoice=s["invoice"])
        for s in action.noted.get("sold_after", ())
    ]
    without = {row.invoice for row in sold}
    return sold + [
        Owed(OwedKind.UNCOLLECTED, i["currency"], i["amount"], invoice=i["id"], waits=True)
        for i in action.noted.get("collected", ())
        if i["auto_advance"] and i["status"] in COLLECTIBLE and i["id"] not in without and i.get("currency")
    ]


def of_net(kind: OwedKind, net: Net) -> Owed:
    return Owed(kind, net.currency, abs(net.amount), net.items, net.product)


@dataclass(frozen=True)
class Shown:
    """State of a customer in Stripe: pending items by id (None: deleted), invoices by line name, effective credit notes, and
    the invoices of rows (None: deleted).

    ``own`` are ids of our invoices of pending charges; ``stuck`` has the reason why an invoice does not proceed, and the way out.
    """

    items: Mapping[str, StripeInvoiceItem | None]
    named: Mapping[str, Collection[str]]
    notes: Iterable[CreditNote]
    invoices: Mapping[str, StripeInvoice | None]
    own: Collection[str] = ()
    stuck: Mapping[str, str] = field(default_factory=dict)

    def is_billed_on(self, invoice: str | None) -> bool:
        """Return whether the invoice of an item is final and not void; a renewal after the end may become void."""
        found = self.invoices.get(invoice or "")
        return bool(invoice) and (found is None or found.status not in (InvoiceStatus.DRAFT, InvoiceStatus.VOID))


def as_seen(row: Owed, shown: Shown) -> Owed:
    """Return a row with the invoice that bills its items, and whether that leaves anything to a person.

    What a write does itself waits until it was looked at.
    """
    if row.kind == OwedKind.UNCOLLECTED:
        return replace(row, waits=False)
    if row.kind not in (OwedKind.CHARGE, OwedKind.UNUSED) or not row.items:
        return row
    its = [id for id in shown.named.get(row.name, ()) if id in shown.own or row.kind == OwedKind.UNUSED]
    id = its[0] if its else row.invoice
    invoice = shown.invoices.get(id or "")
    status = invoice.status if invoice is not None else ""
    if row.kind == OwedKind.UNUSED:
        return replace(row, invoice=id, waits=status in ("", InvoiceStatus.DRAFT))
    why = shown.stuck.get(id or "", "")
    return replace(row, invoice=id, waits=status == InvoiceStatus.DRAFT and not why, why=why)


def closed_by(row: Owed, shown: Shown, *, used: Collection[str]) -> str:
    """Return what closed a row: an id, or a word; empty where it is open. ``used`` are credit notes that closed others."""
    others = set(shown.named.get(row.name, ())) - set(shown.own) if row.items else set()
    if others and row.kind != OwedKind.UNUSED:
        return "billed"
    if row.kind == OwedKind.CHARGE and row.invoice is not None:
        return billed(shown.invoices.get(row.invoice), row)
    if row.kind == OwedKind.UNCOLLECTED and row.invoice is not None:
        return collected_again(shown.invoices.get(row.invoice), shown.stuck.get(row.invoice, ""))
    if row.kind in (OwedKind.CHARGE, OwedKind.FOREIGN) or (row.kind == OwedKind.UNUSED and row.invoice is None):
        gone = all((item := shown.items.get(id)) is None or shown.is_billed_on(item.invoice_id()) for id in row.items)
        return "billed or deleted in Stripe" if gone and not row.removed else ""
    if row.invoice is not None:
        return credited(row, shown.invoices.get(row.invoice))
    for note in shown.notes:
        if note.id not in used and gives(note, row):
            return note.id
    return ""


def billed(invoice: StripeInvoice | None, row: Owed) -> str:
    """Return how our invoice settled its charges; empty while it is a draft, or one that nothing collects."""
    if invoice is None:
        return "deleted in Stripe"
    if invoice.status in (InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE):
        return invoice.status
    return "" if row.why or invoice.status == InvoiceStatus.DRAFT else "billed"


def collected_again(invoice: StripeInvoice | None, why: str) -> str:
    """Return how an invoice came to be collected again, or to be settled; empty where nothing collects it."""
    if invoice is None:
        return "deleted in Stripe"
    if invoice.status not in COLLECTIBLE:
        return invoice.status
    return "collected again" if invoice.auto_advance and not why else ""


def gives(note: CreditNote, row: Owed) -> bool:
    """Return whether a credit note gives a credit: it names it, or it has its currency and amount, with or without tax."""
    if (note.metadata or {}).get(NAME) == row.name:
        return True
    return note.currency == row.currency and row.amount in (note.total, note.subtotal, note.total_excluding_tax)


def credited(row: Owed, invoice: StripeInvoice | None) -> str:
    """Return how an invoice came to be credited by at least a row's amount; empty where it is not."""
    if invoice is None or invoice.status == InvoiceStatus.VOID:
        return "void"
    found = (invoice.pre_payment_credit_notes_amount or 0) + (invoice.post_payment_credit_notes_amount or 0)
    return "credited" if found >= row.amount else ""
