"""Holding drafts (BILLING 9): only the moment of finalization is moved, never is anything finalized."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stripe_sync.apply.results import Step
from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.kinds import Cause
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.usage import drafts, ledger
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide.assignment import unproven
from stripe_sync.domain.usage.holds import rules
from stripe_sync.domain.usage.holds.draft_hold import DraftHold
from stripe_sync.domain.usage.holds.leads import LONGER, is_too_near, leads
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.jobs.inputs.direct_writes import write
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.usage.permissions import entity_of, may_write
from stripe_sync.warehouse import manual_actions
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import draft_holds, usage_invoices, usage_windows
from stripe_sync.warehouse.writes.leases import Lease


@dataclass(frozen=True)
class Move:
    """A draft whose time is moved to ``moment`` (None: it is stopped, or switched on without a time), and its hold then."""

    invoice: Invoice
    moment: datetime | None
    hold: DraftHold


def hold_urgent(
    session: Session, run: Run, lease: Lease, blocked: Collection[str], *, observed: str, short: Collection[str]
) -> list[str]:
    """Holds the drafts that would be finalized before this run can be sure to have counted; gives their ids.

    ``blocked`` are the subscriptions whose use cannot be counted: their drafts wait as well. ``short`` are drafts that
    Stripe lets wait less than an hour: they are held at first sight.
    """
    name, environment = session.environment.name, session.environment
    with connect_to_read(session.engine) as connection:
        waiting = [
            w
            for w in usage_windows.in_states(connection, name, (UsageState.REPORTED, *ledger.OPEN))
            if w.end <= run.now
        ]
        seen = usage_invoices.may_bill(connection, name, waiting, also=blocked)
    predicted = timedelta(minutes=len(waiting) / environment.usage.reads_per_minute)
    left = max(2 * timedelta(minutes=environment.usage.interval_minutes), predicted)
    urgent = [
        i
        for i in unproven(waiting, seen, blocked)
        if i.finalizes_at is not None and (i.finalizes_at - run.now < left or i.invoice in short)
    ]
    return hold(session, run, lease, urgent, cause="usage", why="Its usage is not counted yet.", observed=observed)


def deadline(session: Session, invoice: Invoice) -> datetime:
    """Until when a draft may be held: so many hours after the period that it bills."""
    return invoice.bound + timedelta(hours=session.environment.usage.hold_hours)


def hold(
    session: Session, run: Run, lease: Lease, invoices: Iterable[Invoice], *, cause: Cause, why: str, observed: str
) -> list[str]:
    """Hold drafts for a cause, beside those for which they are held already (domain/usage/holds/rules.py); return the ids of those moved.

    What a person holds or has let go is left, but for usage that is missing on what was let go.
    """
    if not may_write(session, run, observed):
        return []
    with connect_to_read(session.engine) as connection:
        known = draft_holds.holds(connection, session.environment.name)
    moves = []
    for invoice in invoices:
        found = known.get(invoice.invoice)
        if found is not None and (found.is_persons() or (found.is_let_go() and cause != "usage")):
            continue
        move = decide_move(session, run, invoice, found if found is not None and found.is_live() else None, cause, why)
        moves += [move] if move is not None else []
    return make_holds(session, run, lease, moves, why)


def decide_move(
    session: Session, run: Run, invoice: Invoice, own: DraftHold | None, cause: Cause, why: str
) -> Move | None:
    """Return the move of a draft that waits for one cause more; where it is held as it has to be, the cause is noted."""
    causes: frozenset[Cause] = (own.causes if own is not None else frozenset()) | {cause}
    decided = rules.decide(draft_of(session, invoice), causes, own_hold(own), now=run.now)
    if isinstance(decided, rules.Hold):
        original = own.original if own is not None else invoice.finalizes_at
        held = DraftHold(invoice.invoice, held=True, original=original, until=decided.until, reason=why, causes=causes)
        return Move(invoice, decided.until, held)
    if own is not None and causes != own.causes:
        with session.engine.begin() as connection:
            noted = replace(own, causes=causes, reason=why)
            draft_holds.add(connection, session.environment.name, noted, at=run.now, run_id=run.id)
    return None


def draft_of(session: Session, invoice: Invoice) -> rules.Draft:
    """Return a draft as the decision needs it."""
    return rules.Draft(invoice.created_at, deadline(session, invoice), invoice.finalizes_at, is_advancing(invoice))


def own_hold(own: DraftHold | None) -> rules.OwnHold | None:
    """Return a hold of the pipeline as the decision needs it."""
    return rules.OwnHold(own.original, own.until, own.is_stop) if own is not None else None


def make_holds(session: Session, run: Run, lease: Lease, moves: Iterable[Move], why: str) -> list[str]:
    """Move drafts to a later time, more than an hour ahead where that is too near; stop those whose time Stripe does not move."""
    done, refused = make(session, run, lease, moves, kind="hold", why=why)
    later = run.now + LONGER
    near = [m for m, step in refused if is_too_near(step.detail) and m.moment is not None and m.moment < later]
    again = [replace(m, moment=later, hold=replace(m.hold, until=later)) for m in near]
    more, still = make(session, run, lease, again, kind="hold", why=why)
    left = [(m, step) for m, step in refused if m not in near] + still
    if not session.environment.usage.hold_by_auto_advance:
        return done + more
    stops = [
        replace(m, moment=None, hold=replace(m.hold, until=None, is_stop=True))
        for m, step in left
        if step.reason is ReasonCode.STRIPE_REFUSED
    ]
    return done + more + make(session, run, lease, stops, kind="hold", why=why)[0]


def make(
    session: Session, run: Run, lease: Lease, moves: Iterable[Move], *, kind: str, why: str
) -> tuple[list[str], list[tuple[Move, Step]]]:
    """Write moves and note what was moved; return the ids of those, and the moves that were refused with their steps."""
    of = {(action := timed(kind, session, m.invoice, m.moment, why)).hash: (action, m) for m in moves}
    done, refused = [], []
    for step in write(session, run, [action for action, _ in of.values()], lease):
        move = of[step.action.hash][1]
        if step.result == "done":
            note(session, run, move)
            done.append(move.invoice.invoice)
        elif step.result == "refused":
            refused.append((move, step))
    return done, refused


def note(session: Session, run: Run, move: Move) -> None:
    """Note that a draft was moved, and when it is finalized now."""
    name, at = session.environment.name, from_epoch(epoch(move.moment)) if move.moment is not None else None
    with session.engine.begin() as connection:
        draft_holds.add(connection, name, move.hold, at=run.now, run_id=run.id)
        usage_invoices.set_finalization(connection, name, move.invoice.invoice, at)


def known_leads(session: Session) -> tuple[timedelta, ...]:
    """Return how far ahead a time of finalization is set, by the answers of probe."""
    return leads(manual_actions.answers(session.engine, session.environment.name).get("smallest_lead", ""))


def is_advancing(invoice: Invoice) -> bool:
    """Return whether Stripe finalizes a draft by itself: only with ``auto_advance``; without a time it is to get one (SB 6.1)."""
    failed = invoice.stripe.last_finalization_error
    return bool(invoice.stripe.auto_advance) and (invoice.finalizes_at is not None or not failed)


def timed(kind: str, session: Session, invoice: Invoice, moment: datetime | None, why: str) -> Action:
    """Moves a draft's finalization to a moment; where there is none, a hold stops it, and a release switches it on alone."""
    was, to = (epoch(m) if m is not None else None for m in (invoice.finalizes_at, moment))
    entity = entity_of(session, invoice.subscription)
    return drafts.timing(kind, invoice.invoice, was=was, moment=to, entity=entity, why=why)
