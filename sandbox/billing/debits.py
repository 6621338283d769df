"""Debits: charges for the time of a subscription item that are not fully credited yet.

A flexible subscription credits what was debited: each debit once, with the discount that it had (SB 5.5, FACTS_A 31).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from sandbox.billing import pending_updates
from sandbox.billing.lines import invoice_item_of
from sandbox.world.state import Obj, World


@dataclass(frozen=True)
class Debit:
    """A charge for the time [start, end), in Unix seconds; ``amount`` in minor units, after discounts.

    ``until`` is the end of what was not credited yet. ``line`` and ``invoice`` are null while it is pending.
    """

    key: str
    amount: int
    price: str
    quantity: int
    start: int
    end: int
    until: int
    invoice: str | None
    line: str | None

    def unused(self, moment: int) -> tuple[int, int, Fraction]:
        """Return the time from ``moment`` on that is not credited yet, and its exact share of the amount."""
        start = max(moment, self.start)
        return start, self.until, Fraction(self.amount * (self.until - start), self.end - self.start)


def open_debits(world: World, subscription: Obj, item: str, moment: int) -> list[Debit]:
    """Return the debits of an item that end after a time and are not credited for the rest."""
    debits = [*on_invoices(world, subscription, item), *pending(world, subscription, item)]
    left = [replace(debit, until=credited_from(world, debit)) for debit in debits]
    return [debit for debit in left if debit.until > max(moment, debit.start)]


def on_invoices(world: World, subscription: Obj, item: str) -> Iterator[Debit]:
    """Yield the debits on the invoices of a subscription that are not void, without those of an update that waits."""
    for invoice in world.stripe["invoices"].values():
        owner = ((invoice["parent"] or {}).get("subscription_details") or {}).get("subscription")
        if owner != subscription["id"] or invoice["status"] == "void" or pending_updates.is_of(invoice):
            continue
        for line in invoice["lines"]["data"]:
            details = line["parent"]["subscription_item_details"]
            if (
                details
                and details["subscription_item"] == item
                and line["amount"] >= 0
                and line["quantity"] is not None
            ):
                net = line["amount"] - sum(d["amount"] for d in line["discount_amounts"])
                key = invoice_item_of(line) or line["id"]
                yield debit_of(line, key=key, amount=net, invoice=invoice["id"], line=line["id"])


def pending(world: World, subscription: Obj, item: str) -> Iterator[Debit]:
    """Yield the debits that wait for an invoice."""
    for row in world.stripe["invoiceitems"].values():
        owner = (row["parent"] or {}).get("subscription_details") or {}
        named = owner.get("subscription") == subscription["id"] and owner.get("subscription_item") == item
        if named and row["proration"] and row["invoice"] is None and not row.get("credits"):
            yield debit_of(row, key=row["id"], amount=row["amount"], invoice=None, line=None)


def debit_of(row: Obj, *, key: str, amount: int, invoice: str | None, line: str | None) -> Debit:
    start, end = row["period"]["start"], row["period"]["end"]
    price, quantity = row["pricing"]["price_details"]["price"], row["quantity"]
    return Debit(key, amount, price, quantity, start, end, end, invoice, line)


def credited_from(world: World, debit: Debit) -> int:
    """Return the time from which a debit is credited; its own end if it is not. Credits of an update that waits are none."""
    invoices = world.stripe["invoices"]
    credits = [
        item
        for item in world.stripe["invoiceitems"].values()
        if item.get("credits") == debit.key and not pending_updates.is_of(invoices.get(item["invoice"] or "", {}))
    ]
    return min([debit.end, *(int(item["period"]["start"]) for item in credits)])
