"""Tables of the audits of months. Amounts are minor units."""

from __future__ import annotations

from sqlalchemy import Column, Date, Integer, Table

from stripe_sync.warehouse.tables.base import METADATA, counts, key, moments, numbers, optional_texts, texts

audit = Table(
    "audit",
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

audit_of_month = Table(
    "audit_of_month", METADATA, key("environment"), Column("month", Date, primary_key=True), *moments("audited_at")
)
