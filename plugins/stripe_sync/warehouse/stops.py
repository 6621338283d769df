"""Drafts that the pipeline stopped by ``auto_advance=false`` and has not switched on again."""

from __future__ import annotations

from sqlalchemy import Connection, text


def own_stops(connection: Connection, environment: str) -> frozenset[str]:
    """Return their ids; none that a person holds."""
    rows = connection.execute(
        text(
            "select invoice from (select distinct on (h.invoice) h.invoice, h.held, h.until, h.person from usage_hold h "
            "join usage_invoice i on i.environment = h.environment and i.invoice = h.invoice and i.status = 'draft' "
            "where h.environment = :e order by h.invoice, h.id desc) newest "
            "where held and until is null and person = ''"
        ),
        {"e": environment},
    )
    return frozenset(row.invoice for row in rows)
