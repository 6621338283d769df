"""Holding drafts and releasing them (BILLING 9): only the moment of finalization is moved, never is anything finalized."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from stripe_sync.apply.steps import Step
from stripe_sync.clock import epoch, from_epoch
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.usage_writes import entity_of, may_write
from stripe_sync.pipeline.writing import write
from stripe_sync.plan.actions import Action
from stripe_sync.plan.leads import LONGER, RELEASED, is_too_near, leads
from stripe_sync.usage import drafts
from stripe_sync.warehouse import hands, usage
from stripe_sync.warehouse.leases import Lease
from stripe_sync.warehouse.usage import Invoice, Window

PERSONS = "a person holds it"
PROVEN = "Its usage is proven."


def hold_urgent(
    session: Session, run: Run, lease: Lease, blocked: Collection[str], *, observed: str, short: Collection[str]
) -> list[str]:
    """Holds the drafts that would be finalized before this run can be sure to have counted; gives their ids.

    ``blocked`` are the subscriptions whose use cannot be counted: their drafts wait as well. ``short`` are drafts that
    Stripe lets wait less than an hour: they are held at first sight.
    """
    name, environment = session.environment.name, session.environment
    with session.engine.connect() as connection:
        waiting = [w for w in usage.windows(connection, name, states=(None, *usage.OPEN)) if w.end <= run.now]
        seen = usage.invoices(connection, name, waiting, also=blocked)
    predicted = timedelta(minutes=len(waiting) / environment.usage_reads_per_minute)
    left = max(2 * timedelta(minutes=environment.usage_interval_minutes), predicted)
    urgent = [
        i
        for i in unproven(waiting, seen, blocked)
        if i.finalizes_at is not None and (i.finalizes_at - run.now < left or i.invoice in short)
    ]
    return hold(session, run, lease, urgent, why="Its usage is not counted yet.", observed=observed)


def unproven(waiting: Iterable[Window], seen: Iterable[Invoice], blocked: Collection[str]) -> list[Invoice]:
    """The drafts on which a window is still missing, or of which nobody knows what is."""
    open_windows = list(waiting)
    return [
        invoice
        for invoice in seen
        if invoice.status == "draft"
        and (invoice.subscription in blocked or any(is_on(window, invoice) for window in open_windows))
    ]


def is_on(window: Window, invoice: Invoice) -> bool:
    """Whether a window would be billed on an invoice."""
    return window.subscription == invoice.subscription and (
        window.invoice == invoice.invoice or (window.invoice is None and window.end <= invoice.bound)
    )


def deadline(session: Session, invoice: Invoice) -> datetime:
    """Until when a draft may be held: so many hours after the period that it bills."""
    return invoice.bound + timedelta(hours=session.environment.hold_hours)


def hold(
    session: Session,
    run: Run,
    lease: Lease,
    invoices: Iterable[Invoice],
    *,
    why: str,
    observed: str,
    until_of: Callable[[Session, Invoice], datetime] = deadline,
) -> list[str]:
    """Moves the finalization of drafts to the deadline, never to an earlier moment than it is. Gives the ids held.

    A draft that is stopped already stays as it is: a person, a pause or Stripe stopped it. ``until_of`` gives the deadline.
    """
    if not may_write(session, run, observed):
        return []
    actions, about = [], {}
    for invoice in invoices:
        until = until_of(session, invoice)
        if not is_advancing(invoice) or until <= max(invoice.finalizes_at or run.now, run.now + RELEASED):
            continue
        action = timed("hold", session, invoice, until, why)
        actions.append(action)
        about[action.hash] = (invoice, until)
    steps = hold_later(session, run, lease, write(session, run, actions, lease), about, why)
    refused = [s for s in steps if s.result == "refused" and s.reason.value == "STRIPE_REFUSED"]
    if refused and session.environment.hold_by_auto_advance:
        stops = [timed("hold", session, about[s.action.hash][0], None, why) for s in refused]
        for step, action in zip(refused, stops, strict=True):
            about[action.hash] = about[step.action.hash]
        steps += write(session, run, stops, lease)
    return record(session, run, steps, about, held=True, why=why)


def hold_later(
    session: Session, run: Run, lease: Lease, steps: list[Step], about: dict[str, tuple[Invoice, datetime]], why: str
) -> list[Step]:
    """Return the steps of holds with those that Stripe refused as too near made anew, more than an hour ahead."""
    later, near = run.now + LONGER, []
    for step in steps:
        invoice, until = about[step.action.hash]
        if step.result == "refused" and is_too_near(step.detail) and until < later:
            action = timed("hold", session, invoice, later, why)
            about[action.hash] = (invoice, later)
            near.append((step, action))
    if not near:
        return steps
    made = {step.action.hash for step, _ in near}
    return [s for s in steps if s.action.hash not in made] + write(session, run, [a for _, a in near], lease)


def release(
    session: Session, run: Run, lease: Lease, invoices: Iterable[Invoice], *, observed: str, why: str = PROVEN
) -> list[str]:
    """Gives drafts that the pipeline held their own moment back, or five minutes from now where that is over.

    Where Stripe refuses a moment as too near, a later one is asked for; one after the end of the hold never is.
    """
    if not may_write(session, run, observed):
        return []
    with session.engine.connect() as connection:
        holds = usage.holds(connection, session.environment.name)
    held = [(i, holds[i.invoice]) for i in invoices if i.invoice in holds and is_released(i, holds[i.invoice])]
    done: list[str] = []
    for lead in known_leads(session):
        actions, about = releases(session, run, held, lead, why)
        steps = write(session, run, actions, lease)
        done += record(session, run, steps, about, held=False, why=why)
        near = {about[s.action.hash][0].invoice for s in steps if s.result == "refused" and is_too_near(s.detail)}
        held = [(invoice, hold) for invoice, hold in held if invoice.invoice in near]
    return done


def releases(
    session: Session, run: Run, held: Iterable[tuple[Invoice, usage.Hold]], lead: timedelta, why: str
) -> tuple[list[Action], dict[str, tuple[Invoice, datetime]]]:
    """Return the releases of the drafts whose hold does not end before, and what each is about by its hash."""
    actions, about = [], {}
    for invoice, hold in held:
        moment = max(hold.original or run.now, run.now + lead)
        if hold.until is None or moment < hold.until:
            action = timed("release", session, invoice, moment, why)
            actions.append(action)
            about[action.hash] = (invoice, moment)
    return actions, about


def is_released(invoice: Invoice, hold: usage.Hold) -> bool:
    """Return whether a hold is ours to undo: no person holds the draft, and none stopped what we had only delayed."""
    return hold.held and not hold.person and (is_advancing(invoice) or is_own_stop(hold))


def known_leads(session: Session) -> tuple[timedelta, ...]:
    """Return how far ahead a time of finalization is asked for, as far as probe has answered."""
    return leads(hands.answers(session.engine, session.environment.name).get("smallest_lead", ""))


def is_advancing(invoice: Invoice) -> bool:
    """Return whether Stripe finalizes a draft by itself. Without a time but with ``auto_advance`` it is to get one."""
    failed = invoice.body.get("last_finalization_error")
    return invoice.finalizes_at is not None or bool(invoice.body.get("auto_advance") and not failed)


def is_own_stop(hold: usage.Hold) -> bool:
    """Return whether a hold switched ``auto_advance`` off, which is ours to undo; one that moved the time has an end."""
    return hold.held and hold.until is None


def timed(kind: str, session: Session, invoice: Invoice, moment: datetime | None, why: str) -> Action:
    """Moves a draft's finalization to a moment, or stops it where there is none."""
    was, to = (epoch(m) if m is not None else None for m in (invoice.finalizes_at, moment))
    entity = entity_of(session, invoice.subscription)
    return drafts.timing(kind, invoice.invoice, was=was, moment=to, entity=entity, why=why)


def record(
    session: Session,
    run: Run,
    steps: Iterable[Step],
    about: dict[str, tuple[Invoice, datetime]],
    *,
    held: bool,
    why: str,
) -> list[str]:
    """Notes what was moved, and when it is finalized now."""
    done = []
    with session.engine.begin() as connection:
        for step in steps:
            if step.result != "done":
                continue
            invoice, moment = about[step.action.hash]
            after = step.action.after.get("automatically_finalizes_at")
            usage.hold(
                connection, session.environment.name, invoice.invoice, held=held, original=invoice.finalizes_at,
                until=moment if after else None, reason=why, at=run.now, run_id=run.id,
            )  # fmt: skip
            usage.finalizes(connection, session.environment.name, invoice.invoice, from_epoch(after) if after else None)
            done.append(invoice.invoice)
    return done
