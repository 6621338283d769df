"""Drafts that are finalized soon without their usage, or that wait until a person releases them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.windows import Window
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.usage import FoundDue, ReadQuantities, WrittenLines
from stripe_sync.jobs.runtime.step import result_or
from stripe_sync.jobs.usage.permissions import may_write
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import draft_holds, usage_invoices

FINALIZATION_WARNING = timedelta(minutes=20)


def in_danger(
    session: Session, run: Run, missing: Iterable[Invoice], waiting: Sequence[Window], observed: str
) -> list[str]:
    """Return alerts about unverified drafts that are finalized soon, or that are not finalized automatically."""
    if not may_write(session, run, observed):
        return []
    with connect_to_read(session.engine) as connection:
        found = [usage_invoices.by_id(connection, session.environment.name, i.invoice) for i in missing]
        holds = draft_holds.holds(connection, session.environment.name)
    pages = []
    for invoice in filter(None, found):
        hold = holds.get(invoice.invoice)
        if invoice.finalizes_at is None and hold is not None and hold.is_own_stop():
            pages.append(f"{invoice.invoice} is held with auto_advance off; it is not finalized until you release it.")
        elif invoice.finalizes_at is not None and invoice.finalizes_at - run.now <= FINALIZATION_WARNING:
            pages.append(
                f"{invoice.invoice} is finalized at {waiting_message(invoice.finalizes_at)}, and its usage is not proven: {why(session, run)}"
            )
    return pages


def why(session: Session, run: Run) -> str:
    """Return the first reason that this run met."""
    due = result_or(session, run, FoundDue())
    read = result_or(session, run, ReadQuantities())
    written = result_or(session, run, WrittenLines())
    reasons = [
        *(p.detail for p in (*due.problems, *due.unreadable)),
        *read.failed,
        *written.waits,
        *(written.refused or ()),
    ]
    return reasons[0] if reasons else f"it was not read in time; see stripe-sync usage {session.environment.name}."


def waiting_message(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
