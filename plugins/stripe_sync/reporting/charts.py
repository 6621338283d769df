"""Charts of the finance report, drawn as SVG so that a page opens offline and prints well.

Charts show only kinds, states, ages and currencies, no customer data. Each currency has its own axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from stripe_sync.reporting.tables import MONTHLY, Table

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

DRAWN = ("history", "at_risk", "usage")
STATES = ["pending", "pushed", "proven", "billed", "reversed", "waived", "unbillable", "billed_before_us"]


def charts(tables: Iterable[Table]) -> dict[str, str]:
    """Return SVGs by title, one per chart that has data; the figures are those of ``frames``."""
    from stripe_sync.reporting import frames

    rows = {table.name: list(table.rows) for table in tables if table.name in DRAWN}
    history = [row for row in rows["history"] if row["kind"] != "none"]
    at_risk = frames.money_frame(rows["at_risk"], by=["kind", "direction"], value=MONTHLY)
    used = frames.money_frame(rows["usage"], by=["state"], value="amount")
    drawn = {
        "Differences per day": bars(
            frames.trend(
                frames.counts(history, by=["day", "kind"], value="differences"),
                index="day",
                columns="kind",
                value="differences",
            ),
            is_dated=True,
        ),
        "Amounts of open differences per month, by kind": by_currency(
            frames.totals(at_risk, by=["kind", "direction"], value=MONTHLY)
        ),
        "Age of open differences": bars(
            frames.counts(rows["at_risk"], by=["age", "direction"], value="differences"), order=frames.AGES
        ),
        "Usage by state": by_currency(frames.totals(used, by=["state"], value="amount"), order=STATES),
    }
    return {title: svg(chart) for title, chart in drawn.items() if chart is not None}


def bars(figures: pd.DataFrame, *, order: Sequence[str] = (), is_dated: bool = False) -> alt.Chart | None:
    """Return bars of the last column by the first one, stacked by the one between; None without rows."""
    import altair as alt

    if figures.empty:
        return None
    x, *colours, y = figures.columns
    values = figures.assign(**{y: [_number(value) for value in figures[y]], x: figures[x].astype(str)})
    axis = alt.X(f"{x}:O", sort=list(order) or "ascending", title="", axis=alt.Axis(labelAngle=-45 if is_dated else 0))
    chart = (
        alt.Chart(values.astype(dict.fromkeys((x, *colours), object)))
        .mark_bar(width={"band": 0.5})
        .encode(x=axis, y=alt.Y(f"sum({y}):Q", title=y.replace("_", " ")))
    )
    if colours:
        chart = chart.encode(color=alt.Color(f"{colours[0]}:N", title=""))
    return chart.properties(width=420, height=180)


def by_currency(sums: pd.DataFrame, *, order: Sequence[str] = ()) -> alt.VConcatChart | None:
    """Return bars of money, one panel and axis per currency; None without rows."""
    import altair as alt

    charts = {
        c: bars(part.drop(columns="currency"), order=order) for c, part in sums.groupby("currency", observed=True)
    }
    panels = [chart.properties(title=currency.upper()) for currency, chart in charts.items() if chart is not None]
    return alt.vconcat(*panels) if panels else None


def _number(value: int | Decimal) -> int | float:
    """Return a figure for drawing; only drawing uses a binary float."""
    return float(value) if isinstance(value, Decimal) else int(value)


def svg(chart: alt.TopLevelMixin) -> str:
    """Render a chart as SVG without external references."""
    import vl_convert

    return vl_convert.vegalite_to_svg(chart.to_dict())
