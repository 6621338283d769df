"""Invoices of our own: for what was used until a subscription ended, and for a renewal of nothing that did not wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from stripe_sync.core import keys, money
from stripe_sync.core.charge_minimum import is_billable, left_as_debt
from stripe_sync.core.clock import epoch
from stripe_sync.core.ownership import FIELD
from stripe_sync.domain.actual.stigg_end import told as told_between
from stripe_sync.domain.plan.actions import USAGE
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide.assignment import assign
from stripe_sync.domain.usage.decide.subscription_ends import is_own_draft
from stripe_sync.domain.usage.final_terms import FinalTerms, final_terms, id_of, with_used_up
from stripe_sync.domain.usage.holds.leads import is_too_near
from stripe_sync.domain.usage.ledger import BILLABLE, OPEN, Drain, UsageState
from stripe_sync.domain.usage.windows import Chain, Opening, Window
from stripe_sync.jobs.inputs.direct_writes import write
from stripe_sync.jobs.inputs.invoices import seen_invoice
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.usage.drafts.holds import known_leads
from stripe_sync.jobs.usage.ledger_state import load_state
from stripe_sync.jobs.usage.permissions import entity_of
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.usage import movements, usage_invoices, usage_windows
from stripe_sync.warehouse.writes import journal
from stripe_sync.warehouse.writes.leases import Lease

PROPOSAL = "Make an invoice for it by hand, or waive it."


def make_final_invoices(session: Session, run: Run, lease: Lease) -> list[str]:
    """Make the invoices that windows need which no renewal bills; return a sentence for each that a person has to make."""
    name = session.environment.name
    with session.engine.connect() as connection:
        found = without_invoice(connection, session, run)
        state = load_state(session, run, connection) if found else None
    if state is None:
        return []
    actions, told = [], []
    for (subscription, bound), windows in found.items():
        if not any(w.balance(*OPEN).amount for w in windows):
            continue
        end = state.ends.get(subscription)
        if end is not None and end.between is not None:
            told += by_hand(session, run, windows, told_between(end.between))
            continue
        terms = terms_of(session, subscription, bound)
        if terms is not None and terms.problem:
            told += by_hand(session, run, windows, terms.problem)
        elif terms is not None:
            key = drafts.final_key(name, subscription, bound)
            entity = entity_of(session, subscription)
            actions.append(drafts.final_invoice(key, terms, bound, subscription=subscription, entity=entity))
    for step in write(session, run, actions, lease):
        if step.result == "done":
            see(session, str(step.stripe_id))
    return told


def see(session: Session, id: str) -> Invoice | None:
    """Read an invoice and keep what it is now."""
    body = session.stripe.in_lane(USAGE).find(f"/v1/invoices/{id}")
    seen = seen_invoice(session, body) if body is not None else None
    if seen is not None:
        with session.engine.begin() as connection:
            usage_invoices.see(connection, session.environment.name, seen)
    return seen


def terms_of(session: Session, subscription: str, bound: datetime) -> FinalTerms | None:
    """Return the terms of an invoice of our own for a subscription, as Stripe has it now; None where it has it no more."""
    name, api = session.environment.name, session.stripe.in_lane(USAGE)
    body = api.find(f"/v1/subscriptions/{subscription}", expand=["discounts"])
    if body is None:
        return None
    body = with_used_up(body, used_up(session, subscription), epoch(bound))
    inherited = (api.find(f"/v1/customers/{id_of(body['customer'])}") or {}).get("discount")
    found = [*body["discounts"], *([inherited] if inherited else [])]
    ids = {id_of((d.get("source") or {}).get("coupon")) or "" for d in found}
    live = {id: api.find(f"/v1/coupons/{id}") for id in ids}
    with session.engine.connect() as connection:
        recorded = recorded_coupons(connection, name, ids)
    key = drafts.final_key(name, subscription, bound)
    return final_terms(body, moment=epoch(bound), live=live, recorded=recorded, key=key, inherited=inherited)


def used_up(session: Session, subscription: str) -> list[dict[str, Any]]:
    """Return the discounts of the invoices of a subscription that sell a period after its end, expanded."""
    api = session.stripe.in_lane(USAGE)
    with session.engine.connect() as connection:
        seen = usage_invoices.of_subscriptions(connection, session.environment.name, [subscription])
    ids = [i.invoice for i in seen if i.body.get("unowed") and i.body.get("discounts")]
    bodies = (api.find(f"/v1/invoices/{id}", expand=["discounts"]) for id in ids)
    return [discount for body in bodies if body is not None for discount in body["discounts"]]


def recorded_coupons(connection: Connection, environment: str, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the content of coupons that we made, by Stripe id, as the journal holds it; also of those deleted since."""
    retired = links.retired_coupons(connection, environment)
    found = {}
    for id in ids:
        key = links.key_of(connection, environment, id) or retired.get(id)
        made = journal.newest_created(connection, environment, key) if key else None
        if made is not None:
            found[id] = made["after"]
    return found


def by_hand(session: Session, run: Run, windows: Iterable[Window], why: str) -> list[str]:
    """Leave windows to a person, each with its amount."""
    told = []
    with session.engine.begin() as connection:
        for window in windows:
            given_up = Drain(
                window=window.id,
                sources=BILLABLE,
                target=UsageState.UNBILLABLE,
                reason=f"{why} {PROPOSAL}",
            )
            movements.drain(connection, given_up, at=run.now, run_id=run.id)
            told.append(unbilled(window, why))
    return told


def unbilled(window: Window, why: str) -> str:
    """Return what a person reads about a window that none of our invoices bills."""
    left = window.balance(*BILLABLE)
    cost = money.shown(left.amount, window.terms.currency)
    return (
        f"{money.plain(left.quantity)} of {window.measured.feature} of {window.measured.subscription} ({cost}, row "
        f"{window.id}) are not billed: {why} {PROPOSAL}"
    )


def switch_on(session: Session, run: Run, lease: Lease) -> list[str]:
    """Switch on the invoices of our own whose every window is proven; return a sentence for each that cannot be charged."""
    name = session.environment.name
    with session.engine.connect() as connection:
        windows = usage_windows.in_states(connection, name, BILLABLE)
        seen = usage_invoices.may_bill(connection, name, windows)
    assigned = assign(windows, seen)
    told: list[str] = []
    for invoice in (i for i in seen if is_switched_off(session, i)):
        its = [w for w in windows if (on := assigned.get(w.id)) is not None and on.invoice == invoice.invoice]
        if its and all(w.state is UsageState.VERIFIED and w.invoice == invoice.invoice for w in its):
            told += switch_one(session, run, lease, invoice, its)
    return told


def is_switched_off(session: Session, invoice: Invoice) -> bool:
    """Return whether a draft of our own was not switched on yet; one that a person stopped later stays stopped."""
    if not is_own_draft(invoice, session.signer) or invoice.body["auto_advance"]:
        return False
    with session.engine.connect() as connection:
        target = keys.link_key("finalrelease", invoice.invoice)
        return journal.newest_done(connection, session.environment.name, target) is None


def switch_one(session: Session, run: Run, lease: Lease, invoice: Invoice, windows: Sequence[Window]) -> list[str]:
    """Switch one on; where its total is under the least that is charged, take it away and leave its use to a person."""
    held = see(session, invoice.invoice)
    if held is None or held.status != "draft":
        return []
    body, entity = held.body, entity_of(session, held.subscription)
    coupons = coupons_of(session, held)
    balance = int((session.stripe.in_lane(USAGE).find(f"/v1/customers/{body['customer']}") or {}).get("balance") or 0)
    if not is_billable(body["total"], balance, body["currency"]):
        why = f"{money.shown(Decimal(body['total']), body['currency'])} are less than Stripe charges."
        write(session, run, [drafts.take_away(held.invoice, coupons, entity=entity, why=why)], lease)
        return by_hand(session, run, windows, why)
    for lead in known_leads(session):
        moment = max(body["created"] + 3600, epoch(run.now + lead))
        steps = write(session, run, [drafts.switch_on(held.invoice, moment, coupons, entity=entity)], lease)
        if not any(s.result == "refused" and is_too_near(s.detail) for s in steps):
            break
    see(session, held.invoice)
    refused = [f"{held.invoice} was not switched on: {s.detail}" for s in steps if s.result == "refused"]
    return refused + debt_of(held, balance)


def debt_of(invoice: Invoice, balance: int) -> list[str]:
    """Return what a person reads where Stripe leaves a part of a last invoice as a debt; ``balance`` is the customer's."""
    total, currency = invoice.body["total"], invoice.body["currency"]
    debt = left_as_debt(total, balance, currency)
    left, whole = (money.shown(Decimal(amount), currency) for amount in (debt, total))
    told = (
        f"Stripe leaves {left} of {invoice.invoice} ({whole}) as a debt on the customer's balance: collect it by hand."
    )
    return [told] if debt else []


def coupons_of(session: Session, invoice: Invoice) -> list[str]:
    """Return the ids of the coupons that were made for an invoice of our own."""
    key = session.signer.key_of(invoice.body["metadata"].get(FIELD)) or ""
    with session.engine.connect() as connection:
        made = journal.newest_action(connection, session.environment.name, key)
    return [coupon["id"] for coupon in (made or {}).get("after", {}).get("coupons", ())]


def without_invoice(connection: Connection, session: Session, run: Run) -> dict[tuple[str, datetime], list[Window]]:
    """Return the windows that were read and have no invoice to go on, by subscription and when it ended (UTC).

    A subscription that ended has one invoice, also where its charges ended at several moments: a minimum spend and a fixed
    discount are given once. The mirrors are looked at only where there is such a window.
    """
    name = session.environment.name
    windows = [w for w in usage_windows.in_states(connection, name, OPEN) if w.quantity is not None]
    assigned = assign(windows, usage_invoices.may_bill(connection, name, windows))
    found: dict[tuple[str, datetime], list[Window]] = defaultdict(list)
    alone = [window for window in windows if window.id not in assigned]
    for window in windows:
        invoice = assigned.get(window.id)
        if invoice is not None and drafts.did_not_wait(invoice.body) and not drafts.held(invoice.body, session.signer):
            found[window.subscription, invoice.bound].append(window)
    chains = usage_windows.openings(connection, name) if alone else {}
    ended = [w for w in alone if is_closed_by_stigg(chains[w.subscription, w.charge][-1])]
    state = load_state(session, run, connection) if ended else None
    for window in ended:
        if state is not None and window.subscription in state.ending_ids:
            found[window.subscription, last_end(chains, window.subscription)].append(window)
    return found


def last_end(chains: Mapping[Chain, Sequence[Opening]], subscription: str) -> datetime:
    """Return when the last charge of a subscription ended (UTC), of those that Stigg ended."""
    last = (openings[-1] for chain, openings in chains.items() if chain[0] == subscription)
    return max(opening.since for opening in last if is_closed_by_stigg(opening))


def is_closed_by_stigg(last: Opening) -> bool:
    return last.terms is None and last.why == "stigg"


def free_of_charge(connection: Connection, session: Session, run: Run) -> list[Window]:
    """Windows without an invoice that cost nothing: there is nothing to bill."""
    found = without_invoice(connection, session, run)
    return [w for windows in found.values() if not any(x.balance(*OPEN).amount for x in windows) for w in windows]
