"""Invoices of our own for usage that does not fit on the draft of its renewal (BILLING 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from stripe_sync.core.lanes import Lane
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.final_terms import FinalTerms
from stripe_sync.domain.usage.surplus import excess, surplus_invoice, surplus_key, why_not
from stripe_sync.domain.usage.windows import Window
from stripe_sync.jobs.inputs.direct_writes import write
from stripe_sync.jobs.inputs.invoices import find_invoice, seen_invoice
from stripe_sync.jobs.inputs.readings import Readings
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.usage.final_invoice import terms_of
from stripe_sync.jobs.usage.permissions import entity_of, owner_of
from stripe_sync.warehouse.usage import usage_invoices
from stripe_sync.warehouse.writes.leases import Lease

FULL = "{invoice} would have more than 250 lines, and {why}; bill some of its usage on another invoice by hand."


@dataclass
class Placed:
    """Windows by invoice, each with its invoice; ``waits`` says of an invoice why some of its usage is nowhere."""

    windows: dict[str, list[Window]]
    invoices: dict[str, Invoice]
    waits: dict[str, str] = field(default_factory=dict)


def place(
    session: Session,
    run: Run,
    lease: Lease,
    windows: Mapping[str, Sequence[Window]],
    seen: Sequence[Invoice],
    readings: Readings,
) -> Placed:
    """Return the windows of drafts, of which those that do not fit are moved to an invoice of our own for the same period."""
    placed = Placed({id: list(its) for id, its in windows.items()}, {i.invoice: i for i in seen})
    for id in sorted(windows):
        invoice = placed.invoices[id]
        excess_lines = excess(invoice, placed.windows[id], owner=owner_of(session))
        if not excess_lines:
            continue
        placed.windows[id] = [w for w in placed.windows[id] if w not in excess_lines]
        minimum = any(w.terms.minimum is not None for w in windows[id])
        other = surplus_invoice(invoice, seen, signer=session.signer) or made(
            session, run, lease, invoice, minimum=minimum, readings=readings
        )
        if isinstance(other, str):
            placed.waits[id] = FULL.format(invoice=id, why=other)
            continue
        placed.invoices[other.invoice] = other
        placed.windows.setdefault(other.invoice, []).extend(excess_lines)
    return placed


def made(
    session: Session, run: Run, lease: Lease, invoice: Invoice, *, minimum: bool, readings: Readings
) -> Invoice | str:
    """Make that invoice; return why a person has to decide where there is none."""
    action = needed(session, invoice, minimum=minimum)
    if isinstance(action, str):
        return action
    for step in (s for s in write(session, run, [action], lease) if s.result == "done"):
        seen = None
        with readings.of(invoice.subscription):
            found = find_invoice(session.stripe.in_lane(Lane.USAGE), str(step.stripe_id))
            seen = seen_invoice(session, found) if found is not None else None
        if seen is not None:
            with session.engine.begin() as connection:
                usage_invoices.see(connection, session.environment.name, seen)
            return seen
    return "the invoice for the rest could not be made"


def needed(session: Session, invoice: Invoice, *, minimum: bool) -> Action | str:
    """Return the invoice to make, on the terms of the subscription, or why a person has to decide."""
    name, bound, of = session.environment.name, invoice.bound, invoice.subscription
    terms = terms_of(session, of, bound)
    if terms is None:
        return "its subscription is not there any more"
    why = terms.problem or why_not(len(invoice.stripe.discounts or ()), coupons_of(session, terms), minimum=minimum)
    if why:
        return why[0].lower() + why[1:].rstrip(".")
    key = surplus_key(name, of, bound)
    action = drafts.final_invoice(key, terms, bound, subscription=of, entity=entity_of(session, of))
    text = f"Make an invoice for the usage that does not fit on {invoice.invoice}, which may have 250 lines."
    return structs.replace(action, cause="surplus", sentence=text)


def coupons_of(session: Session, terms: FinalTerms) -> list[Mapping[str, Any] | None]:
    """Return the coupons of the discounts that an invoice on these terms has: those made for it, else Stripe's."""
    own = {coupon["id"]: coupon for coupon in terms.coupons}
    api = session.stripe.in_lane(Lane.USAGE)
    return [own[id] if id in own else api.find(f"/v1/coupons/{id}") for id in terms.discounts]
