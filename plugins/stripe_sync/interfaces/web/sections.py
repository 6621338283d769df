"""Parts of a page: cells, sections, and the environment that they show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import Engine

from stripe_sync.core.settings import Environment
from stripe_sync.domain.drift.dashboards import DashboardLinks
from stripe_sync.reporting.tables import presentable
from stripe_sync.warehouse.engine import connect_to_read, run_sql
from stripe_sync.warehouse.table_rows import values_of

IN_STRIPE = {"plan": "product", "addon": "product"}


@dataclass(frozen=True)
class Cell:
    """A text, its link, and its style sheet class (a sync status, or ``stripe``)."""

    text: str
    href: str = ""
    css_class: str = ""


@dataclass(frozen=True)
class Section:
    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Page:
    title: str
    sections: tuple[Section, ...]
    search: Mapping[str, Any] = field(default_factory=dict)
    more: str = ""


@dataclass(frozen=True)
class Viewer:
    """One environment and the paths of its pages: ``base`` is the path of the app, ``airflow`` the path of Airflow."""

    environment: Environment
    engine: Engine
    now: datetime
    base: str
    airflow: str

    def query(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a query file with the environment's name and return its rows."""
        with connect_to_read(self.engine) as connection:
            return run_sql(connection, name, environment=self.environment.name, **parameters)

    def url(self, *parts: str, **query: str) -> str:
        """Return the path of a page of the environment; each part is quoted."""
        path = "/".join([self.base, quote(self.environment.name), *(quote(part, safe="") for part in parts)])
        return f"{path}?{urlencode(query)}" if query else path

    @property
    def dashboard_links(self) -> DashboardLinks:
        """Return the links to Stripe's dashboard and Stigg's app."""
        return DashboardLinks(self.environment.dashboard(), self.environment.stigg.entity_url, self.environment.name)

    def entity(self, kind: str, id: str) -> Cell:
        """Return an id with a link to its page."""
        return Cell(id, self.url("entities", kind, id))

    def in_stripe(self, kind: str, id: str | None) -> Cell:
        """Return the billing id with a link to Stripe's dashboard, or an empty cell."""
        return Cell(id, self.dashboard_links.stripe(IN_STRIPE.get(kind, kind), id), "stripe") if id else Cell("")


def cells(rows: Iterable[Mapping[str, Any]], **builders: Any) -> tuple[tuple[str, ...], tuple[tuple[Cell, ...], ...]]:
    """Return (columns, rows) of query rows; ``builders`` are functions by column that build its cell from the row."""
    shown = [(row, presentable(values_of(row), names=False)) for row in rows]
    columns = tuple(shown[0][1]) if shown else ()
    return columns, tuple(
        tuple(builders[c](row) if c in builders else Cell(text_of(value)) for c, value in plain.items())
        for row, plain in shown
    )


def section(
    title: str, rows: Iterable[Mapping[str, Any]], note: str = "", *, empty: str = "", **builders: Any
) -> Section:
    """Return a section of query rows; ``empty`` is its note where there are none."""
    columns, found = cells(rows, **builders)
    note = note if found else empty or note
    return Section(title, tuple(c.replace("_", " ") for c in columns), found, note)


def text_of(value: Any) -> str:
    """Return a value as text: empty for None, a time in UTC to the minute."""
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)


def countdown(time: datetime | None, now: datetime) -> str:
    """Return the time left: ``in 42 min``, ``in 3 h``, ``in 2 days``; ``due`` if it has passed, ``not scheduled`` for None."""
    if time is None:
        return "not scheduled"
    left = time - now
    if left <= timedelta(0):
        return "due"
    minutes = int(left.total_seconds() // 60)
    if minutes < 120:
        return f"in {minutes} min"
    return f"in {minutes // 60} h" if minutes < 2880 else f"in {minutes // 1440} days"
