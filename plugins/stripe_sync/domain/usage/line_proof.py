"""Lines of windows on an invoice: those that it should have, and the quantity that it bills by those that it has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from stripe_sync.core.clock import epoch
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.usage import bills, drafts
from stripe_sync.domain.usage.bills import Invoice, bill_of, meter_on, rounding_of_meter
from stripe_sync.domain.usage.ledger import BILLABLE, UsageState
from stripe_sync.domain.usage.proof import UsageLine, are_proven, rounding
from stripe_sync.domain.usage.windows import Window

NOT_ON_IT = (UsageState.REPORTED, UsageState.WAIVED, UsageState.REVERSED)


@dataclass(frozen=True)
class Owner:
    """The environment whose lines are looked at, and the signer of their markers."""

    environment: str
    signer: Signer


def lines_for(owner: Owner, invoice: Invoice, windows: Iterable[Window]) -> list[UsageLine]:
    """Return the lines that a draft should have for some windows: of those that were read and that no meter bills on it."""
    by_lines = [w for w in windows if w.state in BILLABLE and w.quantity is not None and meter_on(w, invoice) is None]
    its = [bill_of(w) for w in by_lines]
    return bills.expected_lines(owner.environment, invoice.subscription, its, covered=invoice.stripe.covered)


def billed_together(windows: Iterable[Window], invoice: Invoice) -> list[Window]:
    """Return the windows that lines of an invoice bill: a minimum spend is shared by all of them."""
    return [w for w in windows if w.quantity is not None and w.state not in NOT_ON_IT and meter_on(w, invoice) is None]


def window_lines(
    owner: Owner, window: Window, invoice: Invoice, *, group: Iterable[Window], as_verified: bool = False
) -> list[UsageLine]:
    """Return the lines of one window of an invoice, by Stigg's newest quantities, or by those verified on its draft."""
    others = list(group)
    its = [bill_of(w) for w in others if w.id != window.id] + [bill_of(window)]
    if as_verified:
        verified = {w.id: w.balance(UsageState.VERIFIED, UsageState.BILLED).quantity for w in [*others, window]}
        its = [replace(bill, quantity=verified[bill.window]) for bill in its]
    covered = invoice.stripe.covered
    lines = bills.expected_lines(owner.environment, window.subscription, its, covered=covered)
    return [line for line in lines if bills.window_of(line.key) == (window.charge, epoch(window.start))]


def billed_quantity(owner: Owner, window: Window, invoice: Invoice, *, group: Iterable[Window]) -> Decimal | None:
    """Return the quantity of a window that an invoice bills: Stigg's newest, or the one verified before; None for neither."""
    assert window.quantity is not None
    own = list(group)
    if _has_lines(owner, window, invoice, window_lines(owner, window, invoice, group=own)):
        return window.quantity
    if _has_lines(owner, window, invoice, window_lines(owner, window, invoice, group=own, as_verified=True)):
        return window.balance(UsageState.VERIFIED).quantity
    return None


def rounding_on(owner: Owner, window: Window, invoice: Invoice, *, named: Iterable[Window]) -> int:
    """Return the minor units that an invoice bills of a window above the ledger's amount, because Stripe rounds differently.

    ``named`` are the windows whose newest movement names the invoice.
    """
    if meter_on(window, invoice) is not None:
        return rounding_of_meter(window, invoice)
    expected = window_lines(owner, window, invoice, group=billed_together(named, invoice))
    return rounding(expected, drafts.held(invoice.stripe, owner.signer))


def _has_lines(owner: Owner, window: Window, invoice: Invoice, expected: Iterable[UsageLine]) -> bool:
    """Return whether an invoice has exactly these lines of a window."""
    on_it, exact = drafts.held(invoice.stripe, owner.signer), list(expected)
    here = {k for k in on_it if bills.window_of(k) == (window.charge, epoch(window.start))}
    return here == {line.key for line in exact} and are_proven(exact, on_it)
