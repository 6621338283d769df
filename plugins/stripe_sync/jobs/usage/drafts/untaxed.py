"""Holds renewal drafts whose tax Stripe cannot compute (BILLING 9); jobs/usage/drafts/release.py lets them go once it can."""

from __future__ import annotations

from collections.abc import Iterable

from stripe_sync.clients.stripe.answers import FoundInvoice
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.holds import untaxed
from stripe_sync.domain.usage.holds.stuck import Stuck
from stripe_sync.jobs.inputs.invoices import seen_invoice
from stripe_sync.jobs.inputs.readings import Readings
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.usage import FoundDue
from stripe_sync.jobs.usage.drafts.holds import hold, is_advancing
from stripe_sync.jobs.usage.permissions import leased, may_write, observed_reason
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import draft_holds, usage_invoices


def hold_untaxed(session: Session, run: Run, bodies: Iterable[FoundInvoice], due: FoundDue) -> list[Stuck]:
    """Hold the drafts that cannot be taxed, and return a row for each.

    ``bodies`` are drafts of linked subscriptions as Stripe has them now; ``due`` is what the run found due.
    What a person released goes out; what a person, a pause or Stripe stopped stays stopped, and is no row here.
    """
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        holds = draft_holds.holds(connection, name)
    let_go = {id for id, hold in holds.items() if hold.is_let_go()}
    bad = [b for b in bodies if untaxed.problem_of(b.stripe) is not None and b.stripe.id not in let_go]
    if not bad:
        return []
    stopped = {id for id, hold in holds.items() if hold.is_own_stop()}
    waiting = [i for i in seen(session, bad) if is_advancing(i) or i.invoice in stopped]
    observed = observed_reason(session, due)
    if may_write(session, run, observed):
        with leased(session, run) as lease:
            hold(session, run, lease, waiting, cause="tax", why=untaxed.REASON, observed=observed)
    with connect_to_read(session.engine) as connection:
        now = usage_invoices.drafts_in(connection, name, (i.invoice for i in waiting))
    return [untaxed.row(invoice) for invoice in now]


def seen(session: Session, bodies: Iterable[FoundInvoice]) -> list[Invoice]:
    """Return the renewals among drafts, kept in the ledger as they are now."""
    readings = Readings()
    found = [i for body in bodies if (i := seen_invoice(session, body, readings)) is not None]
    with session.engine.begin() as connection:
        for invoice in found:
            usage_invoices.see(connection, session.environment.name, invoice)
    return found
