"""Table of the finance report: the amounts of open differences by direction and age, from ``frames.ageing``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from stripe_sync.reporting.datasets import DRIFT, chunks_in
from stripe_sync.reporting.frame_types import Cell
from stripe_sync.reporting.frames import ageing

COLUMNS = (
    "direction", "kind", "reason", "plan", "age", "currency", "differences", "minor_a_month", "minor_a_year",
)  # fmt: skip


def ageing_rows(connection: Connection, environment: str, *, now: datetime) -> Iterator[dict[str, Cell]]:
    """Yield one row per direction, currency, kind, reason, plan and age; amounts are minor units to two decimals."""
    figures = ageing(chunks_in(connection, DRIFT, environment), now=now)
    for row in figures.itertuples(index=False):
        cells = (row.direction, row.kind, row.reason, row.plan, row.age, row.currency)
        yield dict(zip(COLUMNS, (*cells, int(row.differences), row.monthly_amount, row.yearly_amount), strict=True))
