"""Held drafts that wait for nothing any more are let go, each run until it is done; what the others wait for is kept (BILLING 9)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from stripe_sync.domain.model.kinds import Cause
from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide.assignment import unproven
from stripe_sync.domain.usage.holds import rules, untaxed
from stripe_sync.domain.usage.holds.draft_hold import DraftHold
from stripe_sync.domain.usage.holds.leads import is_too_near
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.jobs.inputs.invoices import read_one
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.usage.drafts.holds import Move, draft_of, is_advancing, known_leads, make, own_hold
from stripe_sync.jobs.usage.permissions import may_write
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import draft_holds, usage_invoices, usage_windows
from stripe_sync.warehouse.writes.leases import Lease

WHY = "It waits for nothing any more."
UNDONE = "It was undone in Stripe by another user or integration."
Held = tuple[Invoice, DraftHold]


def let_go(session: Session, run: Run, lease: Lease, blocked: Collection[str], *, observed: str) -> list[str]:
    """Release the drafts that the pipeline holds and that wait for nothing, as they were read in this run; return their ids.

    ``blocked`` are the subscriptions whose use cannot be counted.
    """
    if not may_write(session, run, observed):
        return []
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        live = draft_holds.live(connection, name)
        its = usage_invoices.drafts_in(connection, name, live)
        windows = usage_windows.in_states(connection, name, (UsageState.REPORTED, *ledger.OPEN))
    missing = {invoice.invoice for invoice in unproven(windows, its, blocked)}
    free = []
    for invoice in its:
        own = live[invoice.invoice]
        causes = causes_of(run, invoice, own, is_unproven=invoice.invoice in missing)
        if not causes and own.is_stop == is_advancing(invoice):
            keep(session, run, replace(own, held=False, reason=UNDONE, causes=causes))
            continue
        if causes != own.causes:
            keep(session, run, own := replace(own, causes=causes))
        if not causes:
            free.append((invoice, own))
    return release(session, run, lease, free)


def causes_of(run: Run, invoice: Invoice, own: DraftHold, *, is_unproven: bool) -> frozenset[Cause]:
    """Return what a held draft waits for at this moment."""
    is_young = "short" in own.causes and run.now < invoice.created_at + rules.HOUR
    found: dict[Cause, bool] = {
        "usage": is_unproven,
        "short": is_young,
        "tax": untaxed.problem_of(invoice.stripe) is not None,
        "unowed": bool(invoice.stripe.unowed),
    }
    return frozenset(cause for cause, stands in found.items() if stands)


def keep(session: Session, run: Run, hold: DraftHold) -> None:
    """Keep what became of a hold."""
    with session.engine.begin() as connection:
        draft_holds.add(connection, session.environment.name, hold, at=run.now, run_id=run.id)


def release(session: Session, run: Run, lease: Lease, free: Sequence[Held]) -> list[str]:
    """Give drafts their own moment back, or a later one where Stripe refuses that as too near; one after the hold's never is.

    A draft that was stopped, and whose time Stripe does not take, is switched on without one.
    """
    done, left = [], list(free)
    for lead in known_leads(session):
        made, refused = make(session, run, lease, releases(session, run, left, lead), kind="release", why=WHY)
        done += made
        ids = {m.invoice.invoice for m, step in refused if is_too_near(step.detail)}
        left = [(invoice, own) for invoice, own in left if invoice.invoice in ids]
    alone = [replace(m, moment=None) for m in releases(session, run, left, lead, alone=True)]
    made, _ = make(session, run, lease, alone, kind="release", why=WHY)
    for move in alone:
        read_one(session, move.invoice)  # its time is Stripe's
    return done + made


def releases(session: Session, run: Run, held: Sequence[Held], lead: timedelta, *, alone: bool = False) -> list[Move]:
    """Return the releases of drafts; ``alone``: of those alone that may be switched on without a time."""
    moves = []
    for invoice, own in held:
        decided = rules.decide(draft_of(session, invoice), (), own_hold(own), now=run.now, lead=lead)
        if isinstance(decided, rules.Release) and (decided.may_be_alone or not alone):
            after = replace(own, held=False, until=decided.moment, reason=WHY, is_stop=False)
            moves.append(Move(invoice, decided.moment, after))
    return moves
