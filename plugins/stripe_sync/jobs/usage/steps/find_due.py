"""Step ``usage_due``: charges opened and closed as the mirrors show them, drafts read, windows stored, urgent drafts held.

Everything but the drafts is in the warehouse, so a run with nothing due makes no request; in the hour after the renewal of
any linked subscription it lists the drafts made since, of which none may wait less than an hour.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from stripe_sync.clients.stripe.answers import FoundInvoice
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.usage.charges import Problem
from stripe_sync.domain.usage.decide import due
from stripe_sync.domain.usage.decide.due import LedgerState
from stripe_sync.jobs.inputs.invoices import ReadInvoices, read_invoices, since_of
from stripe_sync.jobs.runtime.account import check_account, check_linked_account
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.preflight import read_only_reason
from stripe_sync.jobs.runtime.results.usage import DueCounts, FoundDue
from stripe_sync.jobs.runtime.step import step
from stripe_sync.jobs.usage.drafts.grace import compare_drafts, hold_short, is_renewing, list_drafts
from stripe_sync.jobs.usage.drafts.holds import hold_urgent
from stripe_sync.jobs.usage.drafts.unowed import hold_unowed, sentences
from stripe_sync.jobs.usage.ended_subscriptions import store_ends
from stripe_sync.jobs.usage.ledger_state import load_state, load_stored_usage
from stripe_sync.jobs.usage.permissions import entity_of, leased
from stripe_sync.warehouse.usage import usage_invoices, usage_windows

MAX_RENEWAL_AGE = timedelta(days=400)  # no renewal that was not billed yet is older


@step(FoundDue)
def usage_due(session: Session, run: Run) -> FoundDue:
    """Find the subscriptions that have something due, and read their drafts; what cannot be counted is in ``problems``."""
    check_linked_account(session)
    with session.engine.begin() as connection:
        state = load_state(session, run, connection)
        if state is None:
            return FoundDue()
        state = store_revisions(connection, run, state)
        todo = find_subscriptions(connection, session, run, state)
        is_listed = is_list_needed(connection, session, run, state, todo)
    listed = list_drafts(session, run, todo) if is_listed else {}
    result = read_drafts(session, run, state, todo, listed)
    with session.engine.begin() as connection:
        store_ends(connection, session, run, state)
        counts = DueCounts(due=len(todo), windows=store_windows(connection, run, state))
    return hold_at_first_sight(session, run, state, replace(result, summary=counts))


def store_revisions(connection: Connection, run: Run, state: LedgerState) -> LedgerState:
    """Store the charges that are opened, revised or closed; return the state with them."""
    name = state.inputs.environment.name
    for change in due.decide_revisions(state, now=run.now):
        usage_windows.open_charge(
            connection,
            name,
            change.timeline,
            since=change.since,
            terms=change.terms,
            measured=change.measured,
            run_id=run.id,
            why=change.why,
        )
    revisions, until = usage_windows.terms_revisions(connection, name), usage_windows.covered_until(connection, name)
    return replace(state, revisions=revisions, covered_until=until)


def find_subscriptions(connection: Connection, session: Session, run: Run, state: LedgerState) -> set[str]:
    """Return the subscriptions whose invoices are read."""
    stored = load_stored_usage(connection, state, run.now)
    soon = 2 * timedelta(minutes=session.environment.usage.interval_minutes)
    return due.subscriptions_to_read(state, stored, now=run.now, soon=soon, signer=session.signer)


def is_list_needed(
    connection: Connection, session: Session, run: Run, state: LedgerState, todo: Collection[str]
) -> bool:
    """Return whether drafts are listed."""
    return bool(todo or state.stale) or is_renewing(connection, session, run)


def read_drafts(
    session: Session, run: Run, state: LedgerState, todo: Collection[str], listed: Mapping[str, FoundInvoice]
) -> FoundDue:
    """Return the problems of the state; compare the listed drafts with an hour (``short``), and read the invoices of subscriptions that have something due."""
    short = compare_drafts(session, listed.values())
    result = FoundDue(problems=state.problems, stale=state.stale)
    if not {*todo, *short}:
        return result
    check_account(session)
    observed = read_only_reason(session)
    since = since_of(state.revisions, state.covered_until, todo, run.now)
    read = read_invoices(session, run, since, listed, short) if todo else ReadInvoices()
    unreadable = [unread_problem(session, subscription, why) for subscription, why in sorted(read.failures.items())]
    return replace(result, short=short, held_at_observe=observed, invoices=read.ids, unreadable=unreadable)


def unread_problem(session: Session, subscription: str, why: str) -> Problem:
    """Return the problem of a Stripe subscription of which an object could not be read."""
    detail = (
        f"The invoices of {subscription} could not be read: {why} Its drafts are held and the next run reads them again; "
        "if it repeats, check the object in Stripe."
    )
    return Problem(entity_of(session, subscription)[1], subscription, ReasonCode.UNKNOWN_SHAPE, detail)


def store_windows(connection: Connection, run: Run, state: LedgerState) -> int:
    """Store the windows that ended; return how many."""
    name = state.inputs.environment.name
    renewals = usage_invoices.bounds(connection, name, since=run.now - MAX_RENEWAL_AGE)
    ended = due.decide_windows(state, renewals, now=run.now)
    for timeline, window in ended:
        usage_windows.add_window(
            connection, name, timeline, revision=window.revision.id, start=window.start, end=window.end, run_id=run.id
        )
    return len(ended)


def hold_at_first_sight(session: Session, run: Run, state: LedgerState, found: FoundDue) -> FoundDue:
    """Hold the drafts that are urgent, until they are proven, and the other short ones for an hour; ``held`` are their ids.

    One that sells a period after the end is held until its subscription is canceled (``unowed``: a sentence each).
    """
    observed, short = found.held_at_observe, found.short
    if observed is None:
        return found
    ends, living = state.ends, state.living_ids
    with leased(session, run) as lease:
        held = hold_unowed(session, run, lease, ends, living, observed=observed)
        held += hold_urgent(session, run, lease, state.blocked | found.blocked, observed=observed, short=short)
        held += hold_short(session, run, lease, short.keys() - set(held), observed=observed)
    return replace(found, held=held, unowed=sentences(session, ends, living))
