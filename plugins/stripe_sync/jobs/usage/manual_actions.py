"""Manual actions on usage: hold a draft, release it, and exclude a window from billing."""

from __future__ import annotations

from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide import manual_actions as decide
from stripe_sync.domain.usage.holds.draft_hold import DraftHold
from stripe_sync.domain.usage.holds.leads import is_too_near
from stripe_sync.jobs.inputs.direct_writes import write
from stripe_sync.jobs.inputs.invoices import find_invoice, seen_invoice
from stripe_sync.jobs.runtime.account import check_account
from stripe_sync.jobs.runtime.context import Session, start_run
from stripe_sync.jobs.runtime.manual_actions import Operator, note
from stripe_sync.jobs.usage.drafts.holds import deadline, known_leads, timed
from stripe_sync.jobs.usage.permissions import leased
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import draft_holds, movements, usage_invoices, usage_windows
from stripe_sync.warehouse.writes import leases


def hold(session: Session, id: str, by: Operator) -> str:
    """Move the finalization of a draft to the deadline of the policy; to 65 minutes from now where Stripe refuses that as too near."""
    invoice = draft(session, id)
    return move(session, invoice, by, kind="hold", held=True)


def release(session: Session, id: str, by: Operator) -> str:
    """Restore a draft's own time of finalization, regardless of the hold's origin."""
    invoice = draft(session, id)
    with connect_to_read(session.engine) as connection:
        found = draft_holds.holds(connection, session.environment.name).get(id)
    if found is None or not found.held:
        raise ConfigurationError(
            f"{id} is not held by stripe_sync; stripe-sync usage {session.environment.name} lists what is."
        )
    return move(session, invoice, by, kind="release", held=False)


def draft(session: Session, id: str) -> Invoice:
    """A draft of a subscription with usage, as it is now. Raises ConfigurationError for anything else."""
    check_account(session)
    found = find_invoice(session.stripe.in_lane(Lane.USAGE), id)
    if found is None:
        raise ConfigurationError(f"Stripe has no invoice {id}; give the id that its dashboard shows.")
    seen = seen_invoice(session, found)
    if seen is None or seen.status != "draft":
        raise ConfigurationError(
            f"{id} is {found.stripe.status} and no draft of a renewal; only those are held and released."
        )
    with session.engine.begin() as connection:
        usage_invoices.see(connection, session.environment.name, seen)
    return seen


def move(session: Session, invoice: Invoice, by: Operator, *, kind: str, held: bool) -> str:
    """Move the finalization under the lease of the lane, and keep who did it and why."""
    name, now = session.environment.name, session.clock.now()
    if why := leases.pause_reason(session.engine, name, Lane.USAGE):
        raise ConfigurationError(f"The lane usage is paused: {why}; resume it first.")
    with connect_to_read(session.engine) as connection:
        before = draft_holds.holds(connection, name).get(invoice.invoice)
    original = decide.own_time(invoice, before)
    if held:
        times = decide.hold_times(invoice, deadline(session, invoice), now=now)
    else:
        times = decide.release_times(original, known_leads(session), now=now)
    run = start_run(session, f"hand-{kind}-{invoice.invoice}-{epoch(now)}")
    with leased(session, run) as lease:
        for moment in times:
            (step,) = write(session, run, [timed(kind, session, invoice, moment, by.reason)], lease)
            if step.result != "refused" or not is_too_near(step.detail):
                break
    if step.result != "done":
        raise ConfigurationError(f"{invoice.invoice} was not moved: {step.detail}")
    with session.engine.begin() as connection:
        found = DraftHold(invoice.invoice, held, original, moment, by.reason, by.person)
        draft_holds.add(connection, name, found, at=now)
        usage_invoices.set_finalization(connection, name, invoice.invoice, from_epoch(epoch(moment)))
        note(connection, session, kind, invoice.invoice, by)
    return f"{invoice.invoice} is finalized at {moment:%Y-%m-%d %H:%M} UTC."


def waive(session: Session, row: str, by: Operator) -> str:
    """Waive a window: it is not billed, and its lines go off a draft with the next run."""
    name, now = session.environment.name, session.clock.now()
    if not row.isdigit():
        raise ConfigurationError(f"{row} is no row of the ledger; stripe-sync usage {name} lists them by number.")
    with session.engine.begin() as connection:
        found = usage_windows.by_id(connection, name, int(row))
        if found is None:
            raise ConfigurationError(f"There is no row {row} of usage in {name}; stripe-sync usage {name} lists them.")
        waived = decide.decide_waiver(found, reason=by.reason, person=by.person)
        movements.drain(connection, waived, at=now, run_id="")
        usage_invoices.request_refresh(connection, name, [found.invoice] if found.invoice else [])
        note(connection, session, "waive", row, by)
    return f"The row {row} ({found.measured.feature} of {found.measured.subscription}) is not billed."
