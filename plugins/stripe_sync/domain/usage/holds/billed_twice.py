"""Final usage invoices whose use the meter lines of a renewal after the end bill as well: one of both is collected (BILLING 7).

Pure. The native integration sent a part of the use to a meter, and the final usage invoice bills all of it by lines. While
both can be collected, the final usage invoice stays off, until one of them is void or deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from stripe_sync.core.money import shown
from stripe_sync.domain.model.stripe_status import COLLECTIBLE, InvoiceStatus


@dataclass(frozen=True)
class MeterBill:
    """The invoice of a renewal after the end, and the amount in minor units that its meter lines bill of the same use."""

    invoice: str
    status: str
    currency: str
    amount: int

    def is_void(self) -> bool:
        """Return whether it bills nothing, so that the final usage invoice is collected as any other."""
        return not self.amount or self.status == InvoiceStatus.VOID


def way_out(final: str, use_billed: int, bill: MeterBill) -> str:
    """Return how a person bills the use once; empty where the renewal bills none of it.

    ``use_billed`` is the amount of the final usage invoice's lines in minor units. It is before discounts and tax, as the
    amount of the meter lines is, so that their difference is the use that a person has to bill.
    """
    if bill.is_void():
        return ""
    amount = shown(Decimal(bill.amount), bill.currency)
    rest = use_billed - bill.amount
    other = (
        f", and bill the other {shown(Decimal(rest), bill.currency)} by hand, before discounts and tax"
        if rest > 0
        else ""
    )
    if bill.status not in COLLECTIBLE:
        return (
            f"never switch it on, since {bill.invoice} ({bill.status}) has billed {amount} of the same use by a meter: delete "
            f"{final}{other}"
        )
    void = (
        f"finalize {bill.invoice} with auto_advance off and void it"
        if bill.status == InvoiceStatus.DRAFT
        else f"void {bill.invoice}"
    )
    return (
        f"do not switch it on while {bill.invoice} ({bill.status}) bills {amount} of the same use by a meter. Either {void}, "
        f"then switch auto_advance of {final} on; or collect {bill.invoice}, then delete {final}{other}"
    )
