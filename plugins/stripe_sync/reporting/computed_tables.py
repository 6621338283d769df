"""Tables of the finance report that ``frames`` computes: open differences by age, and the month's roll-forward of usage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from stripe_sync.core import money, periods
from stripe_sync.reporting.datasets import DRIFT, USAGE_MOVEMENTS, chunks_in
from stripe_sync.reporting.frame_types import Cell
from stripe_sync.reporting.frames import ageing, roll_forward

Computed = Callable[[Connection, str, datetime], Iterator[dict[str, Cell]]]
AT_RISK: Final = (
    "direction",
    "kind",
    "reason",
    "plan",
    "age",
    "currency",
    "differences",
    "minor_a_month",
    "minor_a_year",
)
ROLL_FORWARD: Final = (
    "month",
    "state",
    "currency",
    "quantity_before",
    "quantity_in",
    "quantity_out",
    "quantity_after",
    "minor_before",
    "minor_in",
    "minor_out",
    "minor_after",
)


def at_risk(connection: Connection, environment: str, now: datetime) -> Iterator[dict[str, Cell]]:
    """Yield one row per direction, currency, kind, reason, plan and age; amounts are minor units to two decimals."""
    for row in ageing(chunks_in(connection, DRIFT, environment), now=now).itertuples(index=False):
        cells = (row.direction, row.kind, row.reason, row.plan, row.age, row.currency)
        yield dict(zip(AT_RISK, (*cells, int(row.differences), row.monthly_amount, row.yearly_amount), strict=True))


def usage_of_month(connection: Connection, environment: str, now: datetime) -> Iterator[dict[str, Cell]]:
    """Yield the roll-forward of usage over the last whole month before ``now`` (UTC): one row per state and currency.

    ``before`` + ``in`` - ``out`` = ``after``, of quantities and of minor units.
    """
    end = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start = periods.add_months(end, -1)
    balance = roll_forward(chunks_in(connection, USAGE_MOVEMENTS, environment), start=start, end=end)
    for row in balance.itertuples(index=False):
        quantities = map(
            money.plain, (row.quantity_before, row.quantity_inflow, row.quantity_outflow, row.quantity_after)
        )
        amounts = (row.amount_before, row.amount_inflow, row.amount_outflow, row.amount_after)
        yield dict(zip(ROLL_FORWARD, (f"{start:%Y-%m}", row.state, row.currency, *quantities, *amounts), strict=True))


TABLES: Mapping[str, tuple[tuple[str, ...], Computed]] = MappingProxyType(
    {"at_risk": (AT_RISK, at_risk), "roll_forward": (ROLL_FORWARD, usage_of_month)}
)
