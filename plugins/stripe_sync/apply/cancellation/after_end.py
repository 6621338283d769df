"""Renewals of a subscription after its end: a message with both sums until the invoice is void or credited."""

from __future__ import annotations

from collections.abc import Collection

from stripe_sync.apply.resource import Call
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.actual import stigg_end
from stripe_sync.domain.actual.endings import collected
from stripe_sync.domain.actual.pending_items import Pending, settle
from stripe_sync.domain.actual.unowed_invoices import (
    Renewal,
    is_settled_after_end,
    renewed_after_end,
    split,
    still_collected,
)
from stripe_sync.domain.model.stripe_invoices import InvoiceLine, StripeInvoice
from stripe_sync.domain.plan.actions import Action


def after_end(call: Call, invoices: Collection[str]) -> list[str]:
    """Return a message with both sums for each of these renewals that is neither void nor credited."""
    action, signer = call.action, call.links.signer
    found = (renewal_after_end(call.api, action, invoice=id, signer=signer) for id in sorted(invoices))
    return [sentence for sentence in found if sentence]


def with_sums(invoice: StripeInvoice, end: int, signer: Signer) -> Renewal:
    """Return an invoice, which has all its lines, with its sums before and after the end (Unix seconds)."""
    lines = invoice.lines.data
    return Renewal(collected(invoice), split(lines, end, signer.own_lines(lines)))


def _billed_pending(action: Action) -> frozenset[str]:
    """Return the ids of the pending items that the cancellation bills, also if a renewal took them after they were noted."""
    return settle(Pending(**item) for item in action.noted.get("pending", ())).billed_ids()


def renewal_after_end(api: StripeApi, action: Action, *, invoice: str, signer: Signer) -> str:
    """Return a message with both sums of one invoice that sold a period after the end; empty if it needs no action."""
    path = f"{PATHS['invoice']}/{invoice}"
    found, end = api.find(path), action.after.get("ended_in_stigg")
    if found is None or end is None:
        return ""
    body = from_stripe(found, StripeInvoice)
    lines = [from_stripe(line, InvoiceLine) for page in api.pages(f"{path}/lines") for line in page]
    billed = _billed_pending(action)
    items = {line.id: line.origin.invoice_item_details for line in lines}
    replaced = {id for id, item in items.items() if item is not None and item.invoice_item in billed}
    sums = split(lines, end, signer.own_lines(lines) | replaced)
    if is_settled_after_end(body, sums):
        return ""
    between = action.after.get("ended_between")
    doubt = stigg_end.uncertain_end(between) if between else ""
    message = renewed_after_end(invoice, body.status, body.currency, sums, doubt=doubt)
    return f"{still_collected(collected(body))} {message}".lstrip()
