"""Actions of people on usage: when a draft is finalized that they hold or release, and which windows they may waive. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.holds.draft_hold import DraftHold
from stripe_sync.domain.usage.holds.leads import LONGER
from stripe_sync.domain.usage.ledger import BILLABLE, Balance, Drain, UsageState
from stripe_sync.domain.usage.windows import Window

SENT = (UsageState.SUBMITTED, UsageState.VERIFIED, UsageState.BILLED_EXTERNALLY)


def own_time(invoice: Invoice, before: DraftHold | None) -> datetime | None:
    """Return when a draft is finalized without any hold (UTC); None where Stripe does not finalize it."""
    return before.original if before is not None and before.held else invoice.finalizes_at


def hold_times(invoice: Invoice, deadline: datetime, *, now: datetime) -> list[datetime]:
    """Return the times to which a draft is held, the next where Stripe refuses one as too near.

    Raises ConfigurationError where the ``deadline`` of the policy is over.
    """
    if deadline <= now:
        raise ConfigurationError(
            f"{invoice.invoice} may be held until {deadline:%Y-%m-%d %H:%M} UTC (usage.hold_hours), which is over."
        )
    return [deadline, max(deadline, now + LONGER)]


def release_times(original: datetime | None, leads: Iterable[timedelta], *, now: datetime) -> list[datetime]:
    """Return the times at which a released draft is finalized, the next where Stripe refuses one as too near."""
    return [max(original or now, now + lead) for lead in leads]


def decide_waiver(window: Window, *, reason: str, person: str) -> Drain:
    """Waive a window. Raises ConfigurationError for one that is billed, waived, sent to a meter, or was never read."""
    row, meter = window.id, window.terms.meter
    if window.state in (UsageState.BILLED, UsageState.WAIVED):
        raise ConfigurationError(f"The row {row} is {window.state} already; correct a billed one by a credit note.")
    if meter is not None and window.balance(*SENT) != Balance():
        raise ConfigurationError(
            f"The row {row} was sent to the meter {meter.id}, which bills it; correct the use in Stigg, and what is too much "
            f"is taken back there."
        )
    if window.quantity is None:
        raise ConfigurationError(f"The row {row} was not read in Stigg yet; let a usage run read it first.")
    return Drain(
        window=row,
        sources=(*BILLABLE, UsageState.UNBILLABLE, UsageState.REVERSED),
        target=UsageState.WAIVED,
        invoice=window.invoice,
        reason=reason,
        person=person,
    )
