"""Invoices of our own for usage that does not fit on the draft of its renewal (BILLING 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import structs

from stripe_sync.clock import epoch
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.usage_due import load
from stripe_sync.pipeline.usage_final import terms_of
from stripe_sync.pipeline.usage_invoices import seen_invoice
from stripe_sync.pipeline.usage_proof import lines_for
from stripe_sync.pipeline.usage_writes import entity_of
from stripe_sync.pipeline.writing import write
from stripe_sync.plan.actions import USAGE, Action
from stripe_sync.usage import drafts
from stripe_sync.usage.surplus import Name, divided, is_surplus, surplus_key
from stripe_sync.warehouse import usage
from stripe_sync.warehouse.leases import Lease
from stripe_sync.warehouse.usage import Invoice, Window

DISCOUNTED = (
    "{invoice} would have more than 250 lines, and its subscription has a discount; a person decides which usage goes on "
    "another invoice."
)


@dataclass
class Placed:
    """The windows by invoice, each with its invoice; ``waits`` says of an invoice why some of its usage is nowhere."""

    windows: dict[str, list[Window]]
    invoices: dict[str, Invoice]
    waits: dict[str, str] = field(default_factory=dict)


def place(
    session: Session, run: Run, lease: Lease, windows: Mapping[str, Sequence[Window]], seen: Sequence[Invoice]
) -> Placed:
    """The windows of drafts, of which those that do not fit are moved to an invoice of our own for the same period."""
    placed = Placed({id: list(its) for id, its in windows.items()}, {i.invoice: i for i in seen})
    for id in sorted(windows):
        invoice = placed.invoices[id]
        extra = too_many(session, invoice, placed.windows[id])
        if not extra:
            continue
        names = {(w.charge, epoch(w.start)) for w in placed.windows[id]} - extra
        moved = [w for w in placed.windows[id] if (w.charge, epoch(w.start)) not in names]
        placed.windows[id] = [w for w in placed.windows[id] if w not in moved]
        other = surplus_of(session, invoice, seen) or made(session, run, lease, invoice)
        if other is None:
            placed.waits[id] = DISCOUNTED.format(invoice=id)
            continue
        placed.invoices[other.invoice] = other
        placed.windows.setdefault(other.invoice, []).extend(moved)
    return placed


def too_many(session: Session, invoice: Invoice, windows: Sequence[Window]) -> frozenset[Name]:
    """The windows of a renewal's draft whose lines do not fit on it."""
    if not drafts.is_renewal(invoice.body):
        return frozenset()
    lines = lines_for(session, invoice, windows)
    there = drafts.own_lines(invoice.body, session.signer)
    return divided(lines, there, len(invoice.body["lines"]["data"])).surplus


def surplus_of(session: Session, invoice: Invoice, seen: Sequence[Invoice]) -> Invoice | None:
    """The invoice of what does not fit on a draft, where it was made before."""
    its = (i for i in seen if i.subscription == invoice.subscription and i.bound == invoice.bound)
    return next((i for i in its if is_surplus(i.body, session.signer)), None)


def made(session: Session, run: Run, lease: Lease, invoice: Invoice) -> Invoice | None:
    """Makes that invoice; None where a person has to decide, or where it could not be made."""
    action = needed(session, run, invoice)
    steps = write(session, run, [action], lease) if action is not None else []
    for step in (s for s in steps if s.result == "done"):
        body = session.stripe.in_lane(USAGE).find(f"/v1/invoices/{step.stripe_id}")
        seen = seen_invoice(session, body) if body is not None else None
        if seen is not None:
            with session.engine.begin() as connection:
                usage.see(connection, session.environment.name, seen)
            return seen
    return None


def needed(session: Session, run: Run, invoice: Invoice) -> Action | None:
    """The invoice to make; none where its subscription has a discount, which that invoice would not share."""
    with session.engine.connect() as connection:
        state = load(session, run, connection)
    held = state.inputs.stripe.subscriptions.get(invoice.subscription) if state is not None else None
    if held is None or held.discounts or invoice.body.get("discounts"):
        return None
    name, bound = session.environment.name, invoice.bound
    terms = terms_of(session, held.id, bound)
    if terms is None or terms.problem:
        return None
    key = surplus_key(name, held.id, bound)
    action = drafts.final_invoice(key, terms, bound, subscription=held.id, entity=entity_of(session, held.id))
    said = f"Make an invoice for the usage that does not fit on {invoice.invoice}, which may have 250 lines."
    return structs.replace(action, cause="surplus", sentence=said)
