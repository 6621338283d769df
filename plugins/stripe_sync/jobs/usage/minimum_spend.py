"""Minimum spends that were charged in advance, read from the invoices of the period (BILLING 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from stripe_sync.clients.stripe.answers import FoundInvoice
from stripe_sync.core.clock import epoch
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.minimum_spend import covered, is_minimum, read_since
from stripe_sync.domain.usage.windows import Window
from stripe_sync.jobs.inputs.invoices import with_all_lines, with_credits
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import usage_invoices


def with_covered(session: Session, invoice: Invoice, windows: Sequence[Window]) -> Invoice:
    """A draft with what was charged in advance for the period of its windows, as ``covered``, minor units.

    Only where a minimum spend holds for one of them is anything read.
    """
    since = read_since(invoice, windows)
    if since is None:
        return invoice
    api = session.stripe.in_lane(Lane.USAGE)
    pages = api.pages("/v1/invoices", subscription=invoice.subscription, created={"gte": epoch(since)})
    found = (with_all_lines(session, FoundInvoice(row)) for page in pages for row in page)
    others = [with_credits(session, one).stripe for one in found]
    unowed = unowed_of(session, invoice.subscription)
    its = [*(other for other in others if other.id not in {invoice.invoice, *unowed}), invoice.stripe]
    amount = covered(
        its, minimums(session, its), start=min(w.start for w in windows), bound=max(w.end for w in windows)
    )
    seen = replace(invoice, body=invoice.body | {"covered": amount})
    with session.engine.begin() as connection:
        usage_invoices.see(connection, session.environment.name, seen)
    return seen


def unowed_of(session: Session, subscription: str) -> frozenset[str]:
    """The ids of the invoices that sell a period after the end: what they charged in advance is given back, and covers nothing."""
    with connect_to_read(session.engine) as connection:
        seen = usage_invoices.of_subscriptions(connection, session.environment.name, [subscription])
    return frozenset(i.invoice for i in seen if i.stripe.unowed)


def minimums(session: Session, invoices: Iterable[StripeInvoice]) -> frozenset[str]:
    """Return the ids of the prices on some invoices that are linked minimum spends."""
    prices = {price for invoice in invoices for line in invoice.lines.data if (price := line.price())}
    with connect_to_read(session.engine) as connection:
        known = links.of_ids(connection, session.environment.name, prices)
    return frozenset(id for key, id in known.items() if is_minimum(key))
