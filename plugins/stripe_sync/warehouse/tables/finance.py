"""Tables of the audits of months. Amounts are minor units."""

from __future__ import annotations

from sqlalchemy import Column, Date, Integer, Table

from stripe_sync.warehouse.tables.columns import METADATA, counts, key, numbers, optional_texts, texts, timestamps

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

month_audit = Table(
    "month_audit", METADATA, key("environment"), Column("month", Date, primary_key=True), *timestamps("audited_at")
)
