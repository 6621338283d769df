"""The way out of a final usage invoice whose use a renewal after the end bills by a meter as well, from what Stripe shows now."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from stripe_sync.clients.stripe.nested_lists import with_lines
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.usage import drafts, metering
from stripe_sync.domain.usage.decide.assignment import assign
from stripe_sync.domain.usage.holds import billed_twice
from stripe_sync.domain.usage.holds.billed_twice import MeterBill
from stripe_sync.domain.usage.holds.stuck import Stuck
from stripe_sync.domain.usage.ledger import BILLABLE
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import usage_invoices, usage_windows


def with_ways_out(session: Session, rows: Iterable[Stuck]) -> list[Stuck]:
    """Return rows of invoices that stay as they are, with this way out where they have none of their own."""
    return [replace(row, way=row.way or way_out(session, row.invoice)) for row in rows]


def way_out(session: Session, final: str) -> str:
    """Return the way out of a final usage invoice; empty where nothing else bills its use."""
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        invoice = usage_invoices.by_id(connection, name, final)
        if invoice is None or not drafts.is_final(invoice, session.signer):
            return ""
        windows = usage_windows.in_states(connection, name, BILLABLE)
        assigned = assign(windows, usage_invoices.may_bill(connection, name, windows))
        seen = usage_invoices.of_subscriptions(connection, name, [invoice.subscription])
    items = {w.measured.item for w in windows if (on := assigned.get(w.id)) is not None and on.invoice == final}
    bills = (meter_bill(session, i.invoice, items) for i in seen if i.stripe.unowed)
    twice = next((bill for bill in bills if bill is not None and not bill.is_void()), None)
    return billed_twice.way_out(final, use_billed(session, final), twice) if twice is not None else ""


def use_billed(session: Session, final: str) -> int:
    """Return the minor units that the lines of a final usage invoice bill, before discounts and tax."""
    api = session.stripe.in_lane(Lane.USAGE)
    body = with_lines(api, api.get(f"/v1/invoices/{final}"))
    return sum(int(line["amount"]) for line in body["lines"]["data"])


def meter_bill(session: Session, renewal: str, items: Collection[str]) -> MeterBill | None:
    """Return what the invoice of a renewal bills of some subscription items by meters; None where Stripe has it no more."""
    api = session.stripe.in_lane(Lane.USAGE)
    found = api.find(f"/v1/invoices/{renewal}")
    if found is None:
        return None
    invoice = from_stripe(with_lines(api, found), StripeInvoice)
    amount = sum(metering.billed(invoice, item)[1] for item in items)
    return MeterBill(renewal, invoice.status, invoice.currency, amount)
