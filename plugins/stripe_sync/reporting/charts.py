"""Charts of the finance report, drawn as SVG so that a page opens offline and prints well.

Only kinds, states, ages and currencies are drawn: nothing that a customer wrote. Currencies never share an axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from stripe_sync.reporting.spool import Row
from stripe_sync.reporting.tables import Table

DRAWN = ("history", "at_risk", "usage")
AGES = ["under a day", "under a week", "under a month", "older"]
STATES = ["pending", "pushed", "proven", "billed", "reversed", "waived", "unbillable", "billed_before_us"]


def charts(found: Iterable[Table]) -> dict[str, str]:
    """An SVG by title, for each question that has anything to draw."""
    by_name = {t.name: list(t.rows) for t in found if t.name in DRAWN}
    history = [row for row in by_name["history"] if row["kind"] != "none"]
    drawn = {
        "Differences a day": bars(history, x="day", y="differences", colour="kind", dates=True),
        "Money at risk a month, by kind": by_currency(by_name["at_risk"], x="kind", y="a_month", colour="direction"),
        "Age of open differences": bars(by_name["at_risk"], x="age", y="differences", colour="direction", order=AGES),
        "Usage by state": by_currency(by_name["usage"], x="state", y="amount", order=STATES),
    }
    return {title: svg(chart) for title, chart in drawn.items() if chart is not None}


def bars(
    rows: Sequence[Row], *, x: str, y: str, colour: str | None = None, order: Sequence[str] = (), dates: bool = False
) -> Any:
    """Bars of a number, stacked by colour; None without rows."""
    import altair as alt
    import pandas as pd

    if not rows:
        return None
    values = [{key: plain(row[key]) for key in (x, y, colour) if key} for row in rows]
    axis = alt.X(f"{x}:O", sort=list(order) or "ascending", title="", axis=alt.Axis(labelAngle=-45 if dates else 0))
    chart = (
        alt.Chart(pd.DataFrame(values))
        .mark_bar(width={"band": 0.5})
        .encode(x=axis, y=alt.Y(f"sum({y}):Q", title=y.replace("_", " ")))
    )
    if colour:
        chart = chart.encode(color=alt.Color(f"{colour}:N", title=""))
    return chart.properties(width=420, height=180)


def by_currency(rows: Sequence[Row], *, x: str, y: str, colour: str | None = None, order: Sequence[str] = ()) -> Any:
    """Bars of money, a panel a currency with an axis of its own; None without rows."""
    import altair as alt

    of: dict[str, list[Row]] = {}
    for row in rows:
        if row[y] is not None:
            of.setdefault(row[y].currency, []).append(row)
    panels = [
        bars(some, x=x, y=y, colour=colour, order=order).properties(title=currency.upper())
        for currency, some in sorted(of.items())
    ]
    return alt.vconcat(*panels) if panels else None


def plain(value: Any) -> str | float | int | None:
    """A cell as what a chart takes."""
    if value is None or isinstance(value, int):
        return value
    amount = getattr(value, "amount", value)
    return float(amount) if isinstance(amount, Decimal) else str(amount)


def svg(chart: Any) -> str:
    """A chart drawn, with no reference to anything outside it."""
    import vl_convert

    return vl_convert.vegalite_to_svg(chart.to_dict())
