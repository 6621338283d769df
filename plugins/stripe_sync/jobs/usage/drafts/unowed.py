"""Drafts for a period after the end, while the cancellation that stops them waits: held when first read, and reported (BILLING 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import Connection

from stripe_sync.domain.actual.stigg_end import End
from stripe_sync.domain.actual.unowed_invoices import split
from stripe_sync.domain.plan.actions import ActionKind
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide.subscription_ends import is_unowed
from stripe_sync.domain.usage.holds import unowed
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.usage.drafts.holds import hold, is_advancing
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import draft_holds, usage_invoices
from stripe_sync.warehouse.writes import journal
from stripe_sync.warehouse.writes.leases import Lease

WHY = "It sells a period after the end of its subscription, whose cancellation waits."


def waiting(session: Session, ends: Mapping[str, End], living: Collection[str]) -> Iterator[Invoice]:
    """Yield the drafts that are not owed, of subscriptions that are to be canceled and are not yet (``living``)."""
    with connect_to_read(session.engine) as connection:
        found = usage_invoices.unowed_drafts(connection, session.environment.name)
        its = [i for i in found if i.subscription in living and is_unowed(i, ends)]
        yield from (i for i in its if not is_canceled(connection, session, i.subscription))


def is_canceled(connection: Connection, session: Session, subscription: str) -> bool:
    """Return whether we canceled a subscription since the mirrors were read."""
    key = links.key_of(connection, session.environment.name, subscription)
    made = journal.newest_done(connection, session.environment.name, key) if key is not None else None
    return made is not None and made["kind"] == ActionKind.SUBSCRIPTION_CANCEL


def hold_unowed(
    session: Session, run: Run, lease: Lease, ends: Mapping[str, End], living: Collection[str], *, observed: str
) -> list[str]:
    """Hold such drafts until the deadline; return the ids of those held."""
    its = list(waiting(session, ends, living))
    return hold(session, run, lease, its, cause="unowed", why=WHY, observed=observed)


def sentences(session: Session, ends: Mapping[str, End], living: Collection[str]) -> list[str]:
    """Return what a person reads of each such draft that goes out, or that we have stopped; one stopped by others has none."""
    with connect_to_read(session.engine) as connection:
        stopped = draft_holds.own_stops(connection, session.environment.name)
    return [
        unowed.sentence(
            i.stripe,
            i.subscription,
            sums=split(lines, ends[i.subscription].moment, session.signer.own_lines(lines)),
            finalizes_at=i.finalizes_at,
        )
        for i in waiting(session, ends, living)
        if (is_advancing(i) or i.invoice in stopped) and (lines := i.stripe.lines.data)
    ]
