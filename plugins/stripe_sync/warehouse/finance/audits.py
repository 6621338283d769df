"""The newest audit of each month: what invoices should bill for use, and what they bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.tables.finance import audit_line, month_audit


@dataclass(frozen=True, kw_only=True)
class AuditLine:
    """An invoice, or a window of usage that is on none; amounts are in minor units of ``currency``.

    ``missing`` counts the windows that should be on it and are not. ``total``, ``balance`` and ``due`` are those of the
    invoice, with discounts and tax.
    """

    invoice: str | None
    subscription: str
    status: str
    currency: str
    expected: int
    invoiced: int
    rounding: int
    difference: int
    missing: int
    total: int
    balance: int
    due: int

    @property
    def is_wrong(self) -> bool:
        """Return whether the invoice differs from the ledger, or usage is missing."""
        return bool(self.difference or self.missing)


def audited_at(engine: Engine, environment: str, month: str) -> datetime | None:
    """Return the moment of a month's last audit, such as ``2026-11``; one without invoices counts as well."""
    of = month_audit.c
    query = select(func.max(of.audited_at)).where(of.environment == environment, of.month == _first_day(month))
    with connect_to_read(engine) as connection:
        found: datetime | None = connection.execute(query).scalar()
        return found


def keep(engine: Engine, environment: str, month: str, rows: Sequence[AuditLine], *, at: datetime) -> None:
    """Replace the audit of a month."""
    of = {"environment": environment, "month": _first_day(month)}
    noted = insert(month_audit).values(of | {"audited_at": at})
    lines = [{**of, "line": n, **asdict(row)} for n, row in enumerate(rows)]
    with engine.begin() as connection:
        connection.execute(
            delete(audit_line).where(audit_line.c.environment == environment, audit_line.c.month == _first_day(month))
        )
        connection.execute(
            noted.on_conflict_do_update(
                index_elements=month_audit.primary_key.columns, set_={"audited_at": noted.excluded.audited_at}
            )
        )
        if lines:
            connection.execute(insert(audit_line), lines)


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")
