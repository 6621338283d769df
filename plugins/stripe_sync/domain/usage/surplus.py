"""Usage that does not fit on a draft: Stripe takes 250 items per invoice, and moves the rest to the next one (SB 3.2).

Pure. Windows are not divided, and lines on the draft stay there, so that a retry gives the same division.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stripe_sync.core import keys, ownership
from stripe_sync.core.clock import epoch
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.actual.renewals import is_renewal
from stripe_sync.domain.usage.bills import Invoice, window_of
from stripe_sync.domain.usage.drafts import FINAL, own_lines
from stripe_sync.domain.usage.line_proof import Owner, lines_for
from stripe_sync.domain.usage.proof import UsageLine
from stripe_sync.domain.usage.windows import Window

MOST = 250  # lines of an invoice
SURPLUS = "surplus"
Name = tuple[str, int]  # the charge and the start of a window


@dataclass(frozen=True)
class Division:
    """The windows whose lines stay on a draft, and those whose lines go on another invoice."""

    kept: frozenset[Name]
    surplus: frozenset[Name]


def divided(lines: Sequence[UsageLine], there: Sequence[UsageLine], count: int) -> Division:
    """Divide the windows of a draft with ``count`` lines, ``there`` of them ours; lines of a window stay together."""
    room = MOST - (count - len(there))
    sizes: dict[Name, int] = {}
    for line in lines:
        sizes[window_of(line.key)] = sizes.get(window_of(line.key), 0) + 1
    on_it = {window_of(line.key) for line in there}
    kept, left = set(), room
    for name in sorted(sizes, key=lambda n: (n not in on_it, n)):
        if sizes[name] <= left:
            kept.add(name)
            left -= sizes[name]
    return Division(frozenset(kept), frozenset(sizes.keys() - kept))


def excess(invoice: Invoice, windows: Sequence[Window], *, owner: Owner) -> list[Window]:
    """Return the windows of a renewal's draft whose lines do not fit on it; none of another invoice."""
    if not is_renewal(invoice.stripe):
        return []
    there = own_lines(invoice.stripe, owner.signer)
    surplus = divided(lines_for(owner, invoice, windows), there, len(invoice.stripe.lines.data)).surplus
    return [window for window in windows if (window.charge, epoch(window.start)) in surplus]


def surplus_invoice(invoice: Invoice, seen: Iterable[Invoice], *, signer: Signer) -> Invoice | None:
    """Return the invoice of what does not fit on a draft, where it was made before."""
    its = (i for i in seen if i.subscription == invoice.subscription and i.bound == invoice.bound)
    return next((i for i in its if is_surplus(i, signer)), None)


def why_not(discounts: int, coupons: Sequence[Mapping[str, Any] | None], *, minimum: bool) -> str:
    """Return why a person has to divide a draft with so many ``discounts``; empty where its surplus may go by itself.

    ``coupons`` are those of the discounts that the other invoice would have, None where Stripe has one no more. A percentage
    of each part is the percentage of the whole; an amount, and a minimum spend, would be taken twice.
    """
    if minimum:
        return "its usage is under a minimum spend"
    if len(coupons) != discounts or any(coupon is None for coupon in coupons):
        return "its discounts are not those of its subscription any more"
    if any(coupon is not None and coupon.get("amount_off") is not None for coupon in coupons):
        return "its subscription has a discount of a fixed amount"
    return ""


def surplus_key(environment: str, subscription: str, bound: datetime) -> str:
    """The name of the invoice of what did not fit on the draft of a renewal."""
    return keys.link_key(FINAL, keys.part(environment), keys.part(subscription), SURPLUS, str(epoch(bound)))


def is_surplus(invoice: Invoice, signer: Signer) -> bool:
    """Return whether an invoice is our own for usage that did not fit on a renewal's draft."""
    key = signer.key_of((invoice.stripe.metadata or {}).get(ownership.FIELD)) or ""
    return key.startswith(f"{FINAL}:") and f":{SURPLUS}:" in key
