"""Month audit: expected and invoiced amounts of each invoice, in advance and for usage, and usage on no invoice.

It reads Stripe's invoices again and writes nothing in Stripe. A voided invoice whose usage still counts as billed is
scheduled for the next run of the usage job.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from stripe_sync.clients.stripe.answers import FoundInvoice
from stripe_sync.core import money, periods
from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.domain.actual.invoice_bridge import bridge
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.usage import drafts, metering
from stripe_sync.domain.usage.bills import Invoice, bill_of, expected_lines, meter_on, rounding_of_meter
from stripe_sync.domain.usage.ledger import BILLABLE, OPEN, UsageState
from stripe_sync.domain.usage.proof import rounding
from stripe_sync.domain.usage.windows import Window
from stripe_sync.jobs.finance.audit_advance import in_advance
from stripe_sync.jobs.inputs.invoices import seen_invoice
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse.finance.audits import AuditLine
from stripe_sync.warehouse.usage import usage_invoices, usage_windows

COUNTED = (*BILLABLE, UsageState.BILLED)
NOT_BILLED = (*OPEN, UsageState.UNBILLABLE)
MISSING = (UsageState.REPORTED, *NOT_BILLED)


def month_of(text: str) -> tuple[datetime, datetime]:
    """Parse a month such as ``2026-11`` to [start, end), UTC. Raises ConfigurationError."""
    try:
        start = datetime.fromisoformat(f"{text}-01T00:00:00+00:00")
    except ValueError:
        raise ConfigurationError(f"Invalid month: {text}. Use a month such as 2026-11.") from None
    return start, periods.add_months(start, 1)


def audit(session: Session, month: str) -> list[AuditLine]:
    """Return one row per invoice of a renewal or of usage, and one per usage window that ended in the month and is on none.

    Amounts are in minor units of the row's currency, before discounts and tax.
    """
    start, end = month_of(month)
    name = session.environment.name
    seen = list(invoices(session, start, end))
    rows = []
    with session.engine.begin() as connection:
        advance = in_advance(connection, name, seen)
        for invoice in seen:
            windows = usage_windows.of_invoice(connection, name, invoice.invoice)
            known = usage_invoices.by_id(connection, name, invoice.invoice)
            covered = known.stripe.covered if known is not None else None
            rows.append(invoice_row(session, invoice, windows, advance.get(invoice.invoice, (0, 0)), covered))
            if invoice.status == InvoiceStatus.VOID and any(w.state is UsageState.BILLED for w in windows):
                usage_invoices.request_refresh(connection, name, [invoice.invoice])
        missing = [w for w in usage_windows.in_states(connection, name, MISSING) if start <= w.end < end]
    return rows + [missing_row(window) for window in missing]


def invoices(session: Session, start: datetime, end: datetime) -> Iterable[Invoice]:
    """Yield the renewal invoices, and our own invoices, that were created in [start, end)."""
    api = session.stripe.in_lane("audit")
    for page in api.pages("/v1/invoices", created={"gte": epoch(start), "lt": epoch(end)}):
        for body in page:
            found = seen_invoice(session, FoundInvoice(body))
            if found is not None:
                yield found


def invoice_row(
    session: Session, invoice: Invoice, windows: list[Window], advance: tuple[int, int], covered: int | None
) -> AuditLine:
    """Return the row of an invoice: expected amounts, usage calculated again from the ledger, and invoiced amounts."""
    known = [w for w in windows if w.state in COUNTED and w.quantity is not None]
    by_meter = [w for w in known if meter_on(w, invoice) is not None]
    bills = [bill_of(w) for w in known if w not in by_meter]
    lines = expected_lines(session.environment.name, invoice.subscription, bills, covered=covered)
    own = drafts.own_lines(invoice.stripe, session.signer)
    expected = advance[0] + sum(line.amount for line in lines)
    expected += sum(b.terms.amount(b.quantity) for b in map(bill_of, by_meter))
    billed = advance[1] + sum(line.amount for line in own)
    billed += sum(metering.billed(invoice.stripe, item)[1] for item in {w.measured.item for w in known})
    rounded = rounding(lines, {line.key: line for line in own}) + sum(rounding_of_meter(w, invoice) for w in by_meter)
    return AuditLine(
        invoice=invoice.invoice,
        subscription=invoice.subscription,
        status=invoice.status,
        currency=invoice.stripe.currency,
        expected=expected,
        invoiced=billed,
        rounding=rounded,
        difference=billed - expected - rounded,
        missing=sum(w.state in MISSING for w in windows),
        **bridge(invoice.stripe),
    )


def missing_row(window: Window) -> AuditLine:
    """Return the row of a window that is on no invoice, or was written too late."""
    terms = window.terms
    expected = money.round_minor(window.balance(*NOT_BILLED).amount)
    return AuditLine(
        invoice=window.invoice,
        subscription=window.subscription,
        status=window.state.value or "due",
        currency=terms.currency,
        expected=expected,
        invoiced=0,
        rounding=0,
        difference=-expected,
        missing=1,
        total=0,
        balance=0,
        due=0,
    )
