"""Figures of finance, computed once for report, workbook, CSV, charts and notebooks: ageing, roll-forward, totals, trend.

Amounts are exact and are grouped by currency; amounts of different currencies are not added together. Tables come in
chunks, as ``TableReader`` yields them: each chunk is summed, and then the sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd

from stripe_sync.reporting.cells import Money, Row

CENT_OF_MINOR = Decimal("0.01")
AGES = ("under a day", "under a week", "under a month", "older")
_LIMITS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
_DIRECTIONS = ("direction", "currency", "kind", "reason", "plan", "age")


def ageing(drift: Iterable[pd.DataFrame], *, now: datetime) -> pd.DataFrame:
    """Return the open differences that have an amount by direction, currency, kind, reason, plan and age at ``now`` (UTC).

    ``differences`` counts them; ``monthly_amount`` and ``yearly_amount`` are minor units to two decimals.
    """
    parts = [
        _sum_exactly(_open_amounts(chunk, now=now), _DIRECTIONS, ["differences", "monthly_amount"]) for chunk in drift
    ]
    sums = _sum_exactly(pd.concat(parts, ignore_index=True), _DIRECTIONS, ["differences", "monthly_amount"])
    yearly = [_to_cents(amount * 12) for amount in sums["monthly_amount"]]
    monthly = [_to_cents(amount) for amount in sums["monthly_amount"]]
    return sums.assign(
        monthly_amount=pd.Series(monthly, dtype=object, index=sums.index),
        yearly_amount=pd.Series(yearly, dtype=object, index=sums.index),
    )


def totals(amounts: pd.DataFrame, *, by: Sequence[str], value: str) -> pd.DataFrame:
    """Return the sums of an exact column by other columns and ``currency``, in order of these; rows without one are left out."""
    return _sum_exactly(amounts[amounts[value].notna()], [*by, "currency"], [value])


def money_frame(rows: Iterable[Row], *, by: Sequence[str], value: str) -> pd.DataFrame:
    """Return the rows of a report's table that have an amount: columns ``by`` as text, ``currency``, and the amount in major
    units as a Decimal.
    """
    cells = [([str(row[name]) for name in by], money) for row in rows if isinstance(money := row[value], Money)]
    columns = {name: pd.Series([texts[n] for texts, _ in cells], dtype="string") for n, name in enumerate(by)}
    columns["currency"] = pd.Series([money.currency for _, money in cells], dtype="string")
    columns[value] = pd.Series([money.amount for _, money in cells], dtype=object)
    return pd.DataFrame(columns)


def counts(rows: Iterable[Row], *, by: Sequence[str], value: str) -> pd.DataFrame:
    """Return the sums of a count of a report's table by other columns, in order of these."""
    cells = list(rows)
    columns = {name: pd.Series([str(row[name]) for row in cells], dtype="string") for name in by}
    columns[value] = pd.Series(pd.array([row[value] for row in cells], dtype="Int64"))
    return _sum_exactly(pd.DataFrame(columns), by, [value])


def roll_forward(movements: Iterable[pd.DataFrame], *, start: datetime, end: datetime) -> pd.DataFrame:
    """Return the balance of usage by state and currency before ``start``, its change in ``[start, end)``, and its balance at
    ``end`` (UTC): ``before``, ``inflow``, ``outflow`` and ``after`` of quantity and of amount (minor units).
    """
    keys, values = ["state", "currency", "column"], ["quantity", "amount"]
    parts = [_sum_exactly(_entries(chunk, start=start, end=end), keys, values) for chunk in movements]
    sums = _sum_exactly(pd.concat(parts, ignore_index=True), keys, values)
    columns: dict[str, pd.Series] = {}
    for value in values:
        table = sums.pivot(index=["state", "currency"], columns="column", values=value)
        table = table.reindex(columns=["before", "inflow", "outflow"]).astype(object)
        table = table.where(table.notna(), Decimal(0))
        columns |= {f"{value}_{name}": table[name] for name in table.columns}
        columns[f"{value}_after"] = table["before"] + table["inflow"] - table["outflow"]
    return pd.DataFrame(columns).reset_index()


def trend(counts: pd.DataFrame, *, index: str, columns: str, value: str) -> pd.DataFrame:
    """Return counts as one row per day (``index``) and kind (``columns``), zero where a day has none of a kind."""
    table = counts.pivot_table(index=index, columns=columns, values=value, aggfunc="sum", fill_value=0)
    return table.melt(ignore_index=False, value_name=value).reset_index()


def _open_amounts(drift: pd.DataFrame, *, now: datetime) -> pd.DataFrame:
    """Return the differences with an amount that no person accepted, with direction and age."""
    chosen = drift[drift["monthly_amount"].notna() & ~drift["is_accepted"].astype(bool)]
    directions = [
        "not billed at all" if state == "missing" else "under-billed" if amount > 0 else "over-billed"
        for state, amount in zip(chosen["state"], chosen["monthly_amount"], strict=True)
    ]
    return chosen.assign(
        direction=pd.Series(directions, dtype="string", index=chosen.index),
        age=pd.Categorical([_age(since, now) for since in chosen["since"]], categories=AGES, ordered=True),
        differences=pd.array([1] * len(chosen), dtype="Int64"),
        reason=chosen["reason"].fillna(""),
        plan=chosen["plan"].fillna(""),
    )


def _age(since: datetime, now: datetime) -> str:
    """Return the class of an age; a difference of an unknown time is old."""
    if pd.isna(since):
        return AGES[-1]
    return next((name for name, limit in zip(AGES, _LIMITS, strict=False) if now - since < limit), AGES[-1])


def _entries(movements: pd.DataFrame, *, start: datetime, end: datetime) -> pd.DataFrame:
    """Return the movements before ``end`` twice: as an outflow of one state and an inflow of the other, or in its balance."""
    until = movements[movements["recorded_at"] < end]
    is_before = until["recorded_at"] < start
    inflow = until.assign(state=until["to_state"], column="inflow")
    outflow = until.assign(state=until["from_state"], column="outflow")
    inflow.loc[is_before, "column"] = "before"
    outflow.loc[is_before, "column"] = "before"
    for value in ("quantity", "amount"):
        signed = [-cell if earlier else cell for cell, earlier in zip(outflow[value], is_before, strict=True)]
        outflow[value] = pd.Series(signed, dtype=object, index=outflow.index)
    return pd.concat([inflow, outflow[outflow["state"].notna()]], ignore_index=True)


def _sum_exactly(rows: pd.DataFrame, keys: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    """Return the sums of exact columns by keys, in order of the keys, with the types of the rows."""
    if rows.empty:
        return rows[[*keys, *values]].reset_index(drop=True)
    return rows.groupby(list(keys), observed=True, dropna=False)[list(values)].sum().reset_index()


def _to_cents(amount: Decimal) -> Decimal:
    """Round minor units to two decimals, half away from zero, as SQL's ``round`` does."""
    return amount.quantize(CENT_OF_MINOR, rounding=ROUND_HALF_UP)
