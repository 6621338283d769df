"""What an action leaves to a person: credits to be given and pending charges to be billed, until Stripe shows that it was done.

Pure. Rows come from what a write said and noted; what closes one is decided from what Stripe shows later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from stripe_sync.desired.pending import Net, Pending, settle
from stripe_sync.money import shown
from stripe_sync.plan.actions import Action

Kind = Literal["charge", "credit", "foreign", "unused"]
NAME = "stiggPending"  # the metadata of a line, or of a credit note, that names the pending items it is for
LONGEST = 500  # characters of a value of metadata


@dataclass(frozen=True)
class Owed:
    """One amount that a person bills or credits. ``amount`` in minor units: positive, or a foreign item's own.

    ``items`` are pending invoice items, ``invoice`` is one that has to be credited. ``removed`` says that Stripe removed
    the items with the cancellation; None until they were looked at.
    """

    kind: Kind
    currency: str
    amount: int
    items: tuple[str, ...] = ()
    product: str | None = None
    invoice: str | None = None
    removed: bool | None = None

    @property
    def part(self) -> str:
        """Return what tells it apart among the rows of its action, and names it in metadata."""
        return (",".join(self.items) or f"{self.kind} {self.invoice or ''}".strip())[:LONGEST]

    def sentence(self) -> str:
        """Return what somebody has to read: the amount, what it is, and the way out."""
        worth = shown(Decimal(self.amount), self.currency)
        if self.kind == "foreign":
            return f"The pending item {self.part} ({worth}) is somebody else's; bill it or delete it."
        if self.kind == "unused":
            return f"{worth} of the paid period lie after the end; credit {self.invoice}, or set end_proration to none."
        if self.kind == "credit" and self.invoice:
            return f"{worth} are to be credited on {self.invoice} once it is finalized."
        if self.kind == "credit":
            return (
                f"{worth} of credits for {self.product} were pending and are not set off; give them by a credit note of "
                f"that amount."
            )
        how = f"bill them with {NAME}={self.part} in the line's metadata" if self.removed else "bill or delete them"
        return f"{worth} of charges for {self.product} ({self.part}) were pending and are not billed; {how}."


def owed_of(action: Action) -> list[Owed]:
    """Return what an action that was made leaves to a person; what it bills itself is closed once Stripe shows it."""
    found = []
    if credit := action.after.get("credit"):
        found.append(Owed("credit", credit["currency"], int(credit["amount"]), invoice=credit["invoice"]))
    settlement = settle(Pending(**item) for item in action.noted.get("pending", ()))
    found += [of_net("charge", net) for net in settlement.billed]
    found += [of_net("credit", net) for net in settlement.credited if net.amount]
    found += [Owed("foreign", p.currency, p.amount, (p.id,), p.product) for p in settlement.persons]
    if unused := action.noted.get("unused"):
        found.append(Owed("unused", unused["currency"], unused["amount"], invoice=unused["invoice"]))
    return found


def of_net(kind: Kind, net: Net) -> Owed:
    return Owed(kind, net.currency, abs(net.amount), net.items, net.product)


@dataclass(frozen=True)
class Shown:
    """What Stripe shows of a customer: pending items by id (None: gone), the names on lines that are on an invoice,
    credit notes in force, and invoices that have to be credited (None: gone).
    """

    items: Mapping[str, Mapping[str, Any] | None]
    named: Collection[str]
    notes: Iterable[Mapping[str, Any]]
    invoices: Mapping[str, Mapping[str, Any] | None]


def closed_by(row: Owed, shown: Shown, *, used: Collection[str]) -> str:
    """Return what closed a row: an id, or a word; empty where it is open. ``used`` are credit notes that closed others."""
    if row.part in shown.named:
        return "billed"
    if row.kind in ("charge", "foreign"):
        gone = all((item := shown.items.get(id)) is None or item.get("invoice") for id in row.items)
        return "billed or deleted in Stripe" if gone and not row.removed else ""
    if row.invoice is not None:
        return credited(row, shown.invoices.get(row.invoice))
    for note in shown.notes:
        if note["id"] not in used and gives(note, row):
            return str(note["id"])
    return ""


def gives(note: Mapping[str, Any], row: Owed) -> bool:
    """Return whether a credit note gives a credit: it names it, or it has its currency and amount, with or without tax."""
    if (note.get("metadata") or {}).get(NAME) == row.part:
        return True
    amounts = {note["total"], note.get("subtotal"), note.get("total_excluding_tax")}
    return note["currency"] == row.currency and row.amount in amounts


def credited(row: Owed, invoice: Mapping[str, Any] | None) -> str:
    """Return how an invoice came to be credited by at least a row's amount; empty where it is not."""
    if invoice is None or invoice["status"] == "void":
        return "void"
    names = ("pre_payment_credit_notes_amount", "post_payment_credit_notes_amount")
    return "credited" if sum(int(invoice.get(name) or 0) for name in names) >= row.amount else ""
