"""Figures of usage that no window shows alone: what Stripe rounded otherwise, and how long drafts wait."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Connection, text


def rounded(connection: Connection, environment: str) -> dict[str, Decimal]:
    """What Stripe billed less than the ledger reckoned because of rounding, minor units by currency; negative for more."""
    rows = connection.execute(
        text(
            "select o.terms -> 'content' ->> 'currency' as currency, -sum(e.amount) as minor from usage_entry e "
            "join usage_window w on w.id = e.window_id join usage_opening o on o.id = w.opening_id "
            "where e.from_state = 'rounded' and w.environment = :e group by 1 order by 1"
        ),
        {"e": environment},
    )
    return {row.currency: Decimal(row.minor) for row in rows}


def newest_grace(connection: Connection, environment: str) -> tuple[str, int] | None:
    """(invoice, seconds) of the newest renewal's draft that was seen before anybody moved it; the shortest of several."""
    row = connection.execute(
        text(
            "select invoice, grace from usage_invoice where environment = :e and grace is not null "
            "order by created_at desc, grace limit 1"
        ),
        {"e": environment},
    ).first()
    return (row.invoice, row.grace) if row else None
