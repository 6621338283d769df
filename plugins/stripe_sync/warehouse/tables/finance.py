"""Tables of the audits of months. Amounts are minor units."""

from __future__ import annotations

from sqlalchemy import Column, Date, Integer, Table

from stripe_sync.warehouse.tables.columns import METADATA, counts, key, numbers, optional_texts, texts, timestamps

# Grain: one row of the newest audit of one month of one environment: an invoice, or a usage window that is on no invoice.
# Amounts are minor units. difference is without rounding, which is what Stripe rounds otherwise; total, balance and due show
# the part that the customer's balance paid. Key: environment, month, line.
audit_line = Table(
    "audit_line",
    METADATA,
    key("environment"),
    Column("month", Date, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    *optional_texts("invoice"),
    *texts("subscription", "status", "currency"),
    *numbers("expected", "invoiced", "difference"),
    *counts("missing"),
    *numbers("rounding", "total", "balance", "due", default="0"),
)

# Grain: one month that was audited; audited_at is by the pipeline's clock. Key: environment, month.
month_audit = Table(
    "month_audit", METADATA, key("environment"), Column("month", Date, primary_key=True), *timestamps("audited_at")
)
