"""Usage that is due: charges opened and closed, windows that ended, and subscriptions whose invoices are read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.actual.stigg_end import End
from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.charges import LONGEST_GRACE, Charge, Problem, period_boundaries
from stripe_sync.domain.usage.decide.assignment import assign
from stripe_sync.domain.usage.decide.charge_ends import ended
from stripe_sync.domain.usage.decide.subscription_ends import (
    ending_subscriptions,
    ends_in_stigg,
    living_subscriptions,
    renewed_after,
    unfinished_ends,
)
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.domain.usage.terms import Terms
from stripe_sync.domain.usage.windows import (
    Measured,
    TermsRevision,
    Timeline,
    UnstoredWindow,
    Window,
    cuts,
    unstored_windows,
)

SECOND = timedelta(seconds=1)
STALE = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class LedgerState:
    """State of mirrors and ledger at the run's moment.

    ``covered_until`` is where the stored windows of a charge end (UTC), ``stale`` the sentence on mirrors that are old.
    """

    inputs: Inputs
    charges: Sequence[Charge]
    problems: Sequence[Problem]
    revisions: Mapping[Timeline, Sequence[TermsRevision]]
    covered_until: Mapping[Timeline, datetime]
    stale: str = ""

    @cached_property
    def living(self) -> Mapping[Timeline, Charge]:
        """The living charges by Stripe subscription and name."""
        return {(c.stripe.id, c.name): c for c in self.charges}

    @cached_property
    def ending_ids(self) -> frozenset[str]:
        """The Stripe subscriptions that ended, or are canceled by the next reconcile."""
        return ending_subscriptions(self.inputs)

    @cached_property
    def ends(self) -> Mapping[str, End]:
        """The ends of those that ended in Stigg or are free there by now, by Stripe id."""
        return ends_in_stigg(self.inputs, self.ending_ids)

    @cached_property
    def living_ids(self) -> frozenset[str]:
        """The Stripe subscriptions that are not canceled there."""
        return living_subscriptions(self.inputs)

    @cached_property
    def blocked(self) -> frozenset[str]:
        """The Stripe subscriptions whose usage cannot be counted."""
        return frozenset(p.stripe_subscription for p in self.problems)


@dataclass(frozen=True, kw_only=True)
class StoredUsage:
    """Windows and invoices of the ledger.

    ``windows`` are reported or not on a finalized invoice yet, ``invoices`` may bill them (in order of their bounds),
    ``to_read_again`` are invoices whose time has come or that were changed, ``waiting_drafts`` those that the pipeline holds,
    ``drafts_of_ended`` the drafts of subscriptions that end.
    """

    windows: Sequence[Window]
    invoices: Sequence[Invoice]
    to_read_again: Sequence[Invoice] = ()
    waiting_drafts: Sequence[Invoice] = ()
    drafts_of_ended: Sequence[Invoice] = ()


@dataclass(frozen=True, kw_only=True)
class RevisionChange:
    """A charge that is opened, opened with other terms, or closed (no terms) at a moment (UTC)."""

    timeline: Timeline
    since: datetime
    terms: Terms | None
    measured: Measured
    why: str = ""


def decide_staleness(age: timedelta) -> str:
    """Return the sentence on mirrors that are old; empty for fresh ones."""
    hours = age.total_seconds() / 3600
    return f"The mirrors are {hours:.0f} hours old; see why reconcile does not run." if age > STALE else ""


def open_subscriptions(revisions: Mapping[Timeline, Sequence[TermsRevision]]) -> set[str]:
    """Return the Stripe subscriptions with a charge that is not closed."""
    return {timeline[0] for timeline, its in revisions.items() if its[-1].terms is not None}


def decide_revisions(state: LedgerState, *, now: datetime) -> list[RevisionChange]:
    """Open what is new, revise what changed, and close what has ended."""
    revised = [_revised(state, timeline, charge, now) for timeline, charge in state.living.items()]
    closed = [_closed(state, timeline, now) for timeline in state.revisions]
    return [change for change in (*revised, *closed) if change is not None]


def _revised(state: LedgerState, timeline: Timeline, charge: Charge, now: datetime) -> RevisionChange | None:
    before = state.revisions.get(timeline)
    if before is None and charge.began > now:  # in a trial in Stripe
        return None
    if before is not None and before[-1].terms == charge.terms and before[-1].measured == charge.measured:
        return None
    since = _after_last(state, timeline, charge.changed, now) if before is not None else charge.began
    return RevisionChange(timeline=timeline, since=since, terms=charge.terms, measured=charge.measured)


def _closed(state: LedgerState, timeline: Timeline, now: datetime) -> RevisionChange | None:
    last = state.revisions[timeline][-1]
    if last.terms is None or timeline in state.living or timeline[0] in state.blocked:
        return None
    end = ended(state.inputs, timeline[0], last)
    if end is None:
        return None
    since = _not_before(state, timeline, end[0])
    return RevisionChange(timeline=timeline, since=since, terms=None, measured=last.measured, why=end[1])


def _after_last(state: LedgerState, timeline: Timeline, moment: datetime | None, now: datetime) -> datetime:
    """Return the moment of a change, or now where it is not known; it lies after everything that is stored of the charge."""
    is_known = moment is not None and state.revisions[timeline][-1].since < moment <= now
    return _not_before(state, timeline, moment if is_known and moment is not None else now)


def _not_before(state: LedgerState, timeline: Timeline, moment: datetime) -> datetime:
    """Return a moment that lies after everything that is stored of a charge: what changed before that counts from there on."""
    last = state.revisions[timeline][-1].since
    return max(moment, last + SECOND, state.covered_until.get(timeline, last))


def subscriptions_to_read(
    state: LedgerState, stored: StoredUsage, *, now: datetime, soon: timedelta, signer: Signer
) -> set[str]:
    """Return the subscriptions of which a renewal is expected, usage is not billed yet, or a draft is finalized within ``soon``."""
    unfinished = unfinished_ends(
        stored.windows, state.ends, drafts_of_ended=stored.drafts_of_ended, invoices=stored.invoices, signer=signer
    )
    return (
        {timeline[0] for timeline in state.revisions if _is_expected(state, timeline, now)}
        | {invoice.subscription for invoice in (*stored.to_read_again, *stored.waiting_drafts)}
        | unfinished
        | renewed_after(state.inputs, state.ends, now=now)
        | {p.stripe_subscription for p in state.problems if _may_have_draft(state.inputs, p, now)}
        | _not_billed_yet(state, stored, now=now, soon=soon)
    )


def _is_expected(state: LedgerState, timeline: Timeline, now: datetime) -> bool:
    """Return whether a period of a charge ended of which no window is stored."""
    revisions = state.revisions[timeline]
    covered = state.covered_until.get(timeline, revisions[0].since)
    charge = state.living.get(timeline)
    if charge is not None and charge.stripe.pause_collection is None and charge.stripe.status != "paused":
        start, end = from_epoch(charge.item.current_period_start), from_epoch(charge.item.current_period_end)
        return covered < (end if end <= now else start)
    return revisions[-1].terms is None and any(covered < cut <= now for cut in cuts(revisions))


def _may_have_draft(inputs: Inputs, problem: Problem, now: datetime) -> bool:
    """Return whether a renewal of a subscription that cannot be counted may be a draft now, or is expected."""
    items = inputs.stripe.subscriptions[problem.stripe_subscription].items.data
    return any(
        from_epoch(i.current_period_end) <= now or now - from_epoch(i.current_period_start) < LONGEST_GRACE
        for i in items
    )


def _not_billed_yet(state: LedgerState, stored: StoredUsage, *, now: datetime, soon: timedelta) -> set[str]:
    assigned = assign(stored.windows, stored.invoices)
    return {w.subscription for w in stored.windows if _waits(state, w, assigned.get(w.id), now=now, soon=soon)}


def _waits(state: LedgerState, window: Window, invoice: Invoice | None, *, now: datetime, soon: timedelta) -> bool:
    """Return whether a window needs its invoice now; a verified one does once more before that is finalized.

    A draft that failed to finalize has no time, and a person finalizes it: it is read until then.
    """
    if window.state is UsageState.VERIFIED:
        is_due = invoice is not None and invoice.finalizes_at is not None and invoice.finalizes_at <= now + soon
        return is_due or (invoice is not None and bool(invoice.stripe.last_finalization_error))
    return invoice is not None or _may_be_final(state, window) or _is_renewed(state, window, now)


def _may_be_final(state: LedgerState, window: Window) -> bool:
    """Return whether no renewal will bill a window: its subscription is over, or will be canceled."""
    last = state.revisions[window.subscription, window.charge][-1]
    return last.terms is None and window.subscription in state.ending_ids


def _is_renewed(state: LedgerState, window: Window, now: datetime) -> bool:
    """Return whether a window's renewal came, so that its invoice must be somewhere; by any item where its charge left the plan."""
    end = epoch(window.end)
    if (charge := state.living.get((window.subscription, window.charge))) is not None:
        return end <= charge.item.current_period_start
    held = state.inputs.stripe.subscriptions.get(window.subscription)
    items = held.items.data if held is not None and held.status not in ENDED_STATUSES else []
    return any(end <= i.current_period_start or end <= i.current_period_end <= epoch(now) for i in items)


def decide_windows(
    state: LedgerState, renewals: Mapping[str, Iterable[datetime]], *, now: datetime
) -> list[tuple[Timeline, UnstoredWindow]]:
    """Return the windows that ended: at ``renewals`` that an invoice or the mirror shows, and where terms changed."""
    return [
        (timeline, window)
        for timeline, revisions in state.revisions.items()
        for window in unstored_windows(
            revisions, state.covered_until.get(timeline), _bounds(state, timeline, renewals), now
        )
    ]


def _bounds(state: LedgerState, timeline: Timeline, renewals: Mapping[str, Iterable[datetime]]) -> set[datetime]:
    bounds = set(renewals.get(timeline[0], ()))
    charge = state.living.get(timeline)
    return (
        period_boundaries(charge, bounds | {from_epoch(charge.item.current_period_start)})
        if charge is not None
        else bounds
    )
