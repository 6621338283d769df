"""What is due: charges opened and closed as the mirrors show them, drafts read, windows stored, drafts held that are urgent.

Everything but the drafts is in the warehouse, so a run with nothing due makes no request; in the hour after the renewal of
any linked subscription it lists the drafts made since, of which none may wait less than an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import Connection

from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.domain.actual import successors
from stripe_sync.domain.actual.stigg_end import End
from stripe_sync.domain.actual.stripe_objects import GONE
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.target.catalog import catalog, with_own
from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.charges import LONGEST_GRACE, Charge, Problem, charges, ended, own_bounds
from stripe_sync.domain.usage.decide import assign
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.domain.usage.windows import Chain, Opening, Window, cuts, pieces
from stripe_sync.jobs.inputs.invoices import read_invoices, since_of
from stripe_sync.jobs.inputs.latest import latest
from stripe_sync.jobs.runtime.account import account, linked_account
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.preflight import held_at_observe
from stripe_sync.jobs.runtime.step import Result, step
from stripe_sync.jobs.usage.drafts.grace import compare_drafts, hold_short, is_renewing, list_drafts
from stripe_sync.jobs.usage.drafts.holds import hold_urgent
from stripe_sync.jobs.usage.drafts.unowed import hold_unowed, sentences
from stripe_sync.jobs.usage.ended_subscriptions import ends, mark, renewed_after, unfinished_ends
from stripe_sync.jobs.usage.permissions import leased
from stripe_sync.warehouse.comparisons import catalog_references
from stripe_sync.warehouse.usage import draft_holds, usage_invoices, usage_windows

SECOND = timedelta(seconds=1)
LONG_AGO = timedelta(days=400)  # no renewal that was not billed yet is older
STALE = timedelta(hours=24)


@step
def usage_due(session: Session, run: Run) -> Result:
    """How many subscriptions have something due, which drafts of theirs were read, and what cannot be counted."""
    name = session.environment.name
    linked_account(session)
    with session.engine.begin() as connection:
        state = load(session, run, connection)
        if state is None:
            return {"due": 0, "problems": [], "stale": "", "held": [], "short": {}, "unowed": []}
        keep_open(connection, run, state)
        state.chains = usage_windows.openings(connection, name)
        state.told = usage_windows.covered_until(connection, name)
        todo = to_read(connection, session, run, state)
        is_listed = bool(todo or state.stale) or is_renewing(connection, session, run)
    result: Result = {
        "due": len(todo),
        "problems": [asdict(p) for p in state.problems],
        "stale": state.stale,
        "held": [],
        "short": {},
        "unowed": [],
    }
    if is_listed:
        listed = list_drafts(session, run, todo)
        result["short"] = compare_drafts(session, listed.values())
    if todo or result["short"]:
        account(session)
        result["held_at_observe"] = held_at_observe(session)
    if todo:
        since = since_of(state.chains, state.told, todo, run.now)
        result["invoices"] = read_invoices(session, run, since, listed, result["short"])
    with session.engine.begin() as connection:
        mark(connection, session, run, state.ends, state.living_ids)
        result["windows"] = store_windows(connection, run, state)
    if todo or result["short"]:
        result["held"] = hold_at_first_sight(session, run, state, result)
        result["unowed"] = sentences(session, state.ends, state.living_ids)
    return result


def hold_at_first_sight(session: Session, run: Run, state: Known, due: Result) -> list[str]:
    """Hold the drafts that are urgent, until they are proven, and the other short ones for an hour; return their ids.

    One that sells a period after the end is held until its subscription is canceled.
    """
    blocked, observed = {p.stripe_subscription for p in state.problems}, due["held_at_observe"]
    with leased(session, run) as lease:
        held = hold_unowed(session, run, lease, state.ends, state.living_ids, observed=observed)
        held += hold_urgent(session, run, lease, blocked, observed=observed, short=due["short"])
        return held + hold_short(session, run, lease, due["short"].keys() - set(held), observed=observed)


@dataclass
class Known:
    """What the mirrors and the ledger say."""

    inputs: Inputs
    charges: list[Charge]
    problems: list[Problem]
    chains: dict[Chain, list[Opening]]
    told: dict[Chain, datetime]
    stale: str

    def living(self) -> dict[Chain, Charge]:
        return {(c.stripe.id, c.name): c for c in self.charges}

    @cached_property
    def ends(self) -> dict[str, End]:
        """The ends of those of ``over`` that ended in Stigg or are free there by now, by Stripe id."""
        return ends(self.inputs, self.over)

    @cached_property
    def living_ids(self) -> frozenset[str]:
        """The Stripe subscriptions that are not canceled there, as the mirror shows them."""
        return frozenset(s.id for s in self.inputs.stripe.subscriptions.values() if s.status not in GONE)

    @cached_property
    def over(self) -> frozenset[str]:
        """The Stripe subscriptions that ended, or are canceled by the next reconcile because nothing follows them in Stigg."""
        ended_there = {s.id for s in self.inputs.stripe.subscriptions.values() if s.status in GONE}
        fates = successors.fates(self.inputs)
        to_end = {self.inputs.link_key("subscription", id) for id, fate in fates.items() if fate.kind == "cancelled"}
        return frozenset(ended_there | {self.inputs.links.ids[key] for key in to_end if key in self.inputs.links.ids})


def load(session: Session, run: Run, connection: Connection) -> Known | None:
    """Whoever bills use, is to end, or has a draft that waits, as the newest mirrors show them; None before the first comparison."""
    name = session.environment.name
    newest = latest(session, run, connection)
    if newest is None:
        return None
    chains = usage_windows.openings(connection, name)
    members = catalog_references.bill_use(connection, name)
    members.stripe |= {chain[0] for chain, openings in chains.items() if openings[-1].terms is not None}
    members.stripe |= {
        w.subscription for w in usage_windows.in_states(connection, name, (UsageState.REPORTED, *ledger.BILLABLE))
    }
    members.stripe |= {invoice.subscription for invoice in waiting_drafts(connection, name)}
    members.take(catalog_references.to_end(connection, name))
    inputs = newest.of(members)
    found, problems = charges(inputs, with_own(inputs, catalog(inputs))[0])
    age = run.now - newest.as_of
    stale = (
        f"The mirrors are {age.total_seconds() / 3600:.0f} hours old; see why reconcile does not run."
        if age > STALE
        else ""
    )
    return Known(inputs, found, problems, chains, usage_windows.covered_until(connection, name), stale)


def keep_open(connection: Connection, run: Run, state: Known) -> None:
    """Opens what is new, opens anew what changed, and closes what has ended."""
    name, living = state.inputs.environment.name, state.living()
    for chain, charge in living.items():
        before = state.chains.get(chain)
        if before is None:
            since = charge.began
        elif before[-1].terms == charge.terms and before[-1].measured == charge.measured:
            continue
        else:
            since = after_last(state, chain, charge.changed, run.now)
        usage_windows.open_charge(
            connection, name, chain, since=since, terms=charge.terms, measured=charge.measured, run_id=run.id
        )
    unknown = {p.stripe_subscription for p in state.problems}
    for chain, before in state.chains.items():
        last = before[-1]
        if last.terms is None or chain in living or chain[0] in unknown:
            continue
        over = ended(state.inputs, chain[0], last)
        if over is not None:
            since = after_last(state, chain, over[0], run.now, exact=True)
            usage_windows.open_charge(
                connection, name, chain, since=since, terms=None, measured=last.measured, run_id=run.id, why=over[1]
            )


def after_last(state: Known, chain: Chain, moment: datetime | None, now: datetime, *, exact: bool = False) -> datetime:
    """A moment that lies after everything that is told of a charge: what changed before that counts from there on."""
    last = state.chains[chain][-1].since
    known = moment is not None and (exact or last < moment <= now)
    earliest = max(last + SECOND, state.told.get(chain, last))
    return max(moment if known and moment is not None else now, earliest)


def to_read(connection: Connection, session: Session, run: Run, state: Known) -> set[str]:
    """The subscriptions of which a renewal is expected, something is not billed yet, or a draft is about to be finalized."""
    name, living = state.inputs.environment.name, state.living()
    todo: set[str] = set()
    for chain, found in state.chains.items():
        told = state.told.get(chain, found[0].since)
        charge = living.get(chain)
        if charge is not None and charge.stripe.pause_collection is None and charge.stripe.status != "paused":
            start, end = from_epoch(charge.item.current_period_start), from_epoch(charge.item.current_period_end)
            if told < (end if end <= run.now else start):
                todo.add(chain[0])
        elif found[-1].terms is None and any(told < c <= run.now for c in cuts(found)):
            todo.add(chain[0])
    todo |= {i.subscription for i in usage_invoices.to_read_again(connection, name, now=run.now)}
    todo |= unfinished_ends(connection, session, state.ends)
    todo |= {i.subscription for i in waiting_drafts(connection, name)} | renewed_after(
        state.inputs, state.ends, run.now
    )
    todo |= {p.stripe_subscription for p in state.problems if may_have_draft(state.inputs, p, run.now)}
    waiting = usage_windows.in_states(connection, name, (UsageState.REPORTED, *ledger.BILLABLE))
    soon = 2 * timedelta(minutes=session.environment.usage_interval_minutes)
    seen = usage_invoices.may_bill(connection, name, waiting)
    assigned = assign(waiting, seen)
    for window in waiting:
        invoice = assigned.get(window.id)
        if window.state is not UsageState.VERIFIED:
            if invoice is not None or may_be_final(state, window) or is_renewed(living, window):
                todo.add(window.subscription)
        elif invoice is not None and invoice.finalizes_at is not None and invoice.finalizes_at - soon <= run.now:
            todo.add(window.subscription)
    return todo


def waiting_drafts(connection: Connection, environment: str) -> list[Invoice]:
    """The drafts that the pipeline holds, whatever for: each run reads them."""
    return usage_invoices.drafts_in(connection, environment, draft_holds.live(connection, environment))


def may_be_final(state: Known, window: Window) -> bool:
    """Whether no renewal will come that a window could be billed on: its subscription is over, or will be canceled."""
    chain = state.chains[window.subscription, window.charge]
    return chain[-1].terms is None and window.subscription in state.over


def may_have_draft(inputs: Inputs, problem: Problem, now: datetime) -> bool:
    """Whether a renewal of a subscription that cannot be counted may be a draft now, or is expected."""
    items = inputs.stripe.subscriptions[problem.stripe_subscription].items.data
    return any(
        from_epoch(i.current_period_end) <= now or now - from_epoch(i.current_period_start) < LONGEST_GRACE
        for i in items
    )


def is_renewed(living: Mapping[Chain, Charge], window: Window) -> bool:
    """Whether the mirror shows the renewal after a window, so that its invoice must be somewhere."""
    charge = living.get((window.subscription, window.charge))
    return charge is not None and epoch(window.end) <= charge.item.current_period_start


def store_windows(connection: Connection, run: Run, state: Known) -> int:
    """Stores the windows that ended: at renewals that an invoice or the mirror shows, and where terms changed."""
    name, living = state.inputs.environment.name, state.living()
    seen = usage_invoices.bounds(connection, name, since=run.now - LONG_AGO)
    count = 0
    for chain, openings in state.chains.items():
        bounds = set(seen.get(chain[0], ()))
        if (charge := living.get(chain)) is not None:
            bounds = own_bounds(charge, bounds | {from_epoch(charge.item.current_period_start)})
        for piece in pieces(openings, state.told.get(chain), bounds, run.now):
            usage_windows.add_window(
                connection, name, chain, opening=piece.opening.id, start=piece.start, end=piece.end, run_id=run.id
            )
            count += 1
    return count
