"""Own invoices of usage: made, filled and switched on (domain/usage/decide/final_invoices.py decides)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from stripe_sync.core import keys
from stripe_sync.core.clock import epoch
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.lanes import Lane
from stripe_sync.core.ownership import FIELD
from stripe_sync.domain.model.stripe_subscriptions import StripeDiscount
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide import final_invoices as decide
from stripe_sync.domain.usage.decide.assignment import assign
from stripe_sync.domain.usage.decide.final_invoices import Group
from stripe_sync.domain.usage.final_terms import FinalTerms, final_terms, id_of, with_used_up
from stripe_sync.domain.usage.holds.leads import is_too_near
from stripe_sync.domain.usage.ledger import BILLABLE, OPEN
from stripe_sync.domain.usage.windows import Window
from stripe_sync.jobs.inputs.coupons import recorded_coupons
from stripe_sync.jobs.inputs.direct_writes import write
from stripe_sync.jobs.inputs.invoices import find_invoice, seen_invoice
from stripe_sync.jobs.inputs.readings import Readings
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.usage.drafts.holds import known_leads
from stripe_sync.jobs.usage.ledger_state import load_state
from stripe_sync.jobs.usage.permissions import entity_of
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import movements, usage_invoices, usage_windows
from stripe_sync.warehouse.writes import journal
from stripe_sync.warehouse.writes.leases import Lease


def make_final_invoices(
    session: Session, run: Run, lease: Lease, readings: Readings, left_out: Collection[str]
) -> list[str]:
    """Make the invoices that windows need which no renewal bills; return a sentence for each that a person has to make.

    A failed reading stops its subscription alone; ``left_out`` are the Stripe subscriptions that failed before.
    """
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        found = load_groups(connection, session, run)
        groups = {group: windows for group, windows in found.items() if group[0] not in left_out}
        state = load_state(session, run, connection) if groups else None
    if state is None:
        return []
    actions, alerts = [], list[str]()
    billed: dict[str, list[Window]] = {}
    for (subscription, bound), windows in groups.items():
        if not decide.costs_something(windows):
            continue
        if why := decide.unknown_end(state.ends.get(subscription)):
            alerts += leave_to_person(session, run, windows, why)
            continue
        terms = None
        with readings.of(subscription):
            terms = terms_of(session, subscription, bound)
        if terms is not None and terms.problem:
            alerts += leave_to_person(session, run, windows, terms.problem)
        elif terms is not None:
            key, entity = drafts.final_key(name, subscription, bound), entity_of(session, subscription)
            actions.append(drafts.final_invoice(key, terms, bound, subscription=subscription, entity=entity))
            billed[key] = windows
    for step in write(session, run, actions, lease):
        if step.result == "done":
            with readings.of(billed[step.action.target][0].subscription):
                see(session, str(step.stripe_id))
        elif step.result == "refused":
            alerts += decide.refused_alerts(billed[step.action.target], step.detail)
    return alerts


def see(session: Session, id: str) -> Invoice | None:
    """Read an invoice and keep what it is now."""
    found = find_invoice(session.stripe.in_lane(Lane.USAGE), id)
    seen = seen_invoice(session, found) if found is not None else None
    if seen is not None:
        with session.engine.begin() as connection:
            usage_invoices.see(connection, session.environment.name, seen)
    return seen


def terms_of(session: Session, subscription: str, bound: datetime) -> FinalTerms | None:
    """Return the terms of an invoice of our own for a subscription, as Stripe has it now; None where it has it no more."""
    name, api = session.environment.name, session.stripe.in_lane(Lane.USAGE)
    body = api.find(f"/v1/subscriptions/{subscription}", expand=["discounts"])
    if body is None:
        return None
    body = with_used_up(body, used_up(session, subscription), epoch(bound))
    inherited = (api.find(f"/v1/customers/{id_of(body['customer'])}") or {}).get("discount")
    found = [*body["discounts"], *([inherited] if inherited else [])]
    ids = {from_stripe(discount, StripeDiscount).source.coupon_id() or "" for discount in found}
    live = {id: api.find(f"/v1/coupons/{id}") for id in ids}
    with connect_to_read(session.engine) as connection:
        recorded = recorded_coupons(connection, name, ids)
    key = drafts.final_key(name, subscription, bound)
    return final_terms(body, moment=epoch(bound), live=live, recorded=recorded, key=key, inherited=inherited)


def used_up(session: Session, subscription: str) -> list[dict[str, Any]]:
    """Return the discounts of the invoices of a subscription that sell a period after its end, expanded."""
    api = session.stripe.in_lane(Lane.USAGE)
    with connect_to_read(session.engine) as connection:
        seen = usage_invoices.of_subscriptions(connection, session.environment.name, [subscription])
    ids = [i.invoice for i in seen if i.stripe.unowed and i.stripe.discounts]
    bodies = (api.find(f"/v1/invoices/{id}", expand=["discounts"]) for id in ids)
    return [discount for body in bodies if body is not None for discount in body["discounts"]]


def leave_to_person(session: Session, run: Run, windows: Iterable[Window], why: str) -> list[str]:
    """Leave windows to a person; return a sentence on the amount of each."""
    decided = decide.leave_to_person(windows, why)
    with session.engine.begin() as connection:
        movements.store(connection, decided.drains, at=run.now, run_id=run.id)
    return list(decided.alerts)


def switch_on(session: Session, run: Run, lease: Lease, readings: Readings, left_out: Collection[str]) -> list[str]:
    """Switch on the invoices of our own whose every window is proven; return a sentence for each that cannot be charged."""
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        windows = usage_windows.in_states(connection, name, BILLABLE)
        seen = usage_invoices.may_bill(connection, name, windows)
    proven = decide.proven_drafts(windows, seen, assigned=assign(windows, seen), signer=session.signer)
    alerts: list[str] = []
    for invoice, its in proven:
        if invoice.subscription not in left_out and not was_switched_on(session, invoice):
            with readings.of(invoice.subscription):
                alerts += switch_one(session, run, lease, invoice, its)
    return alerts


def was_switched_on(session: Session, invoice: Invoice) -> bool:
    """Return whether a draft of our own was switched on before: one that a person stopped later stays stopped."""
    with connect_to_read(session.engine) as connection:
        target = keys.link_key("finalrelease", invoice.invoice)
        return journal.newest_done(connection, session.environment.name, target) is not None


def switch_one(session: Session, run: Run, lease: Lease, invoice: Invoice, windows: Sequence[Window]) -> list[str]:
    """Switch one on; where its total is under the least that is charged, take it away and leave its usage to a person."""
    held = see(session, invoice.invoice)
    if held is None or held.status != "draft":
        return []
    entity, coupons = entity_of(session, held.subscription), coupons_of(session, held)
    customer = session.stripe.in_lane(Lane.USAGE).find(f"/v1/customers/{held.stripe.customer}") or {}
    balance = int(customer.get("balance") or 0)
    if why := decide.too_small(held, balance):
        write(session, run, [drafts.take_away(held.invoice, coupons, entity=entity, why=why)], lease)
        return leave_to_person(session, run, windows, why)
    for lead in known_leads(session):
        moment = decide.switch_on_at(held, now=run.now, lead=lead)
        steps = write(session, run, [drafts.switch_on(held.invoice, moment, coupons, entity=entity)], lease)
        if not any(s.result == "refused" and is_too_near(s.detail) for s in steps):
            break
    see(session, held.invoice)
    refused = [f"{held.invoice} was not switched on: {s.detail}" for s in steps if s.result == "refused"]
    return refused + decide.debt_alerts(held, balance)


def coupons_of(session: Session, invoice: Invoice) -> list[str]:
    """Return the ids of the coupons that were made for an invoice of our own."""
    key = session.signer.key_of((invoice.stripe.metadata or {}).get(FIELD)) or ""
    with connect_to_read(session.engine) as connection:
        made = journal.newest_action(connection, session.environment.name, key)
    return [coupon["id"] for coupon in (made or {}).get("after", {}).get("coupons", ())]


def load_groups(connection: Connection, session: Session, run: Run) -> dict[Group, list[Window]]:
    """Return the windows that were read and that no renewal bills, by their own invoice.

    The mirrors are looked at only where there is such a window of a charge that Stigg ended.
    """
    name = session.environment.name
    windows = [w for w in usage_windows.in_states(connection, name, OPEN) if w.quantity is not None]
    assigned = assign(windows, usage_invoices.may_bill(connection, name, windows))
    revisions = usage_windows.terms_revisions(connection, name) if len(assigned) < len(windows) else {}
    ended = decide.ended_in_stigg(windows, assigned, revisions)
    state = load_state(session, run, connection) if ended else None
    ending = state.ending_ids if state is not None else frozenset()
    return decide.without_invoice(
        windows, assigned, ended=ended, revisions=revisions, ending=ending, signer=session.signer
    )


def free_of_charge(connection: Connection, session: Session, run: Run) -> list[Window]:
    """Return the windows that no renewal bills and that cost nothing."""
    return decide.free_of_charge(load_groups(connection, session, run))
