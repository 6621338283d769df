"""Own invoices: for usage until a subscription ended, and of a renewal of nothing that was finalized at once (BILLING 7). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from stripe_sync.core import money
from stripe_sync.core.charge_minimum import is_billable, left_as_debt
from stripe_sync.core.clock import epoch
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.actual.stigg_end import End, uncertain_end
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide.settlement import Decision
from stripe_sync.domain.usage.decide.subscription_ends import is_own_draft
from stripe_sync.domain.usage.ledger import BILLABLE, OPEN, Drain, UsageState
from stripe_sync.domain.usage.windows import TermsRevision, Timeline, Window

PROPOSAL = "Make an invoice for it by hand, or waive it."
Group = tuple[str, datetime]  # a Stripe subscription, and the end of the windows that its own invoice bills (UTC)


def ended_in_stigg(
    windows: Iterable[Window], assigned: Mapping[int, Invoice], revisions: Mapping[Timeline, Sequence[TermsRevision]]
) -> list[Window]:
    """Return the windows without an invoice whose charge Stigg ended."""
    alone = [window for window in windows if window.id not in assigned]
    return [window for window in alone if _is_closed_by_stigg(revisions[window.subscription, window.charge][-1])]


def without_invoice(
    windows: Iterable[Window],
    assigned: Mapping[int, Invoice],
    *,
    ended: Iterable[Window],
    revisions: Mapping[Timeline, Sequence[TermsRevision]],
    ending: Collection[str],
    signer: Signer,
) -> dict[Group, list[Window]]:
    """Return the windows that no renewal bills, by their own invoice.

    A subscription that ended has one invoice, also where its charges ended at several moments: a minimum spend and a fixed
    discount are given once. ``ended`` are its windows, ``ending`` the subscriptions that are over or will be canceled.
    """
    groups: dict[Group, list[Window]] = defaultdict(list)
    for window in windows:
        invoice = assigned.get(window.id)
        if (
            invoice is not None
            and drafts.was_finalized_immediately(invoice.stripe)
            and not drafts.held(invoice.stripe, signer)
        ):
            groups[window.subscription, invoice.bound].append(window)
    for window in ended:
        if window.subscription in ending:
            groups[window.subscription, _last_end(revisions, window.subscription)].append(window)
    return dict(groups)


def _last_end(revisions: Mapping[Timeline, Sequence[TermsRevision]], subscription: str) -> datetime:
    """Return when the last charge of a subscription ended (UTC), of those that Stigg ended."""
    last = (its[-1] for timeline, its in revisions.items() if timeline[0] == subscription)
    return max(revision.since for revision in last if _is_closed_by_stigg(revision))


def _is_closed_by_stigg(last: TermsRevision) -> bool:
    return last.terms is None and last.why == "stigg"


def costs_something(windows: Iterable[Window]) -> bool:
    """Return whether an invoice is made for windows: one of them has an amount that is not on an invoice."""
    return any(window.balance(*OPEN).amount for window in windows)


def free_of_charge(groups: Mapping[Group, Sequence[Window]]) -> list[Window]:
    """Return the windows of groups that cost nothing: there is nothing to bill."""
    return [window for windows in groups.values() if not costs_something(windows) for window in windows]


def unknown_end(end: End | None) -> str:
    """Return why it is not known until when usage counts; empty where it is."""
    return uncertain_end(end.between) if end is not None and end.between is not None else ""


def leave_to_person(windows: Iterable[Window], why: str) -> Decision:
    """Give windows up that a person has to bill, with a sentence on the amount of each. ``why`` is a sentence."""
    return sum((_leave(window, why) for window in windows), Decision())


def refused_alerts(windows: Iterable[Window], why: str) -> list[str]:
    """Return a sentence on each amount whose own invoice Stripe refuses to create; its window stays open."""
    way = "The next run creates it once that is resolved."
    return [
        f"{_amount_of(window)} wait for a final usage invoice that Stripe refuses: {why} {way}"
        for window in windows
        if window.balance(*OPEN).amount
    ]


def _amount_of(window: Window) -> str:
    left, measured = window.balance(*BILLABLE), window.measured
    cost = money.shown(left.amount, window.terms.currency)
    return f"{money.plain(left.quantity)} of {measured.feature} of {measured.subscription} ({cost}, row {window.id})"


def _leave(window: Window, why: str) -> Decision:
    alert = f"{_amount_of(window)} are not billed: {why} {PROPOSAL}"
    given_up = Drain(window=window.id, sources=BILLABLE, target=UsageState.UNBILLABLE, reason=f"{why} {PROPOSAL}")
    return Decision((given_up,), (alert,))


def proven_drafts(
    windows: Sequence[Window], invoices: Iterable[Invoice], *, assigned: Mapping[int, Invoice], signer: Signer
) -> list[tuple[Invoice, list[Window]]]:
    """Return the own drafts that are switched off and whose every window is proven on them, with the windows."""
    own = [i for i in invoices if is_own_draft(i, signer) and not i.stripe.auto_advance]
    pairs = [(i, [w for w in windows if w.id in assigned and assigned[w.id].invoice == i.invoice]) for i in own]
    return [(i, its) for i, its in pairs if its and all(_is_proven_on(w, i) for w in its)]


def _is_proven_on(window: Window, invoice: Invoice) -> bool:
    return window.state is UsageState.VERIFIED and window.invoice == invoice.invoice


def too_small(invoice: Invoice, balance: int) -> str:
    """Return why an own invoice cannot be charged; empty where it can. ``balance`` is the customer's, minor units."""
    total, currency = invoice.stripe.total, invoice.stripe.currency
    if is_billable(total, balance, currency):
        return ""
    return f"{money.shown(Decimal(total), currency)} are less than Stripe charges."


def switch_on_at(invoice: Invoice, *, now: datetime, lead: timedelta) -> int:
    """Return when an own invoice is finalized (Unix seconds): an hour after it was made at the earliest."""
    return int(max(invoice.stripe.created + 3600, epoch(now + lead)))


def debt_alerts(invoice: Invoice, balance: int) -> list[str]:
    """Return the sentence on what Stripe leaves of a last invoice as a debt; none where it leaves nothing."""
    total, currency = invoice.stripe.total, invoice.stripe.currency
    debt = left_as_debt(total, balance, currency)
    left, whole = (money.shown(Decimal(amount), currency) for amount in (debt, total))
    alert = (
        f"Stripe leaves {left} of {invoice.invoice} ({whole}) as a debt on the customer's balance: collect it by hand."
    )
    return [alert] if debt else []
