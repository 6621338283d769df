"""The tables of a report: a question each, answered by one SQL file.

Names and addresses of people are left out unless somebody asked for them: a customer's texts are shown as hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine

from stripe_sync.core import money
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.domain.plan.guards import Decision
from stripe_sync.reporting.spool import Row, Rows
from stripe_sync.warehouse.comparisons import comparisons
from stripe_sync.warehouse.engine import dumps, opened

HIDDEN = "(hidden)"
MONTHLY = "a_month"  # the column of amounts a month in a report
PERSONAL = frozenset({"name", "email", "description"})
MINOR = frozenset({"minor", "minor_a_month", "minor_a_year", "expected", "invoiced", "rounding", "difference", "total",
                   "balance", "due"})  # fmt: skip
# What a run of reconcile says about itself.
OF_A_RUN = {
    "drift": "What differs",
    "money": "What the differences are worth a month",
    "groups": "What the plan would do, and what holds it back",
    "status_counts": "How many entities have which status",
    "statuses": "What changed its status, or is not in order, and why",
    "candidates": "What a person has to say whether it is one",
    "hands": "What was done by hand",
    "writes": "What was written",
}
# What finance reads each morning.
FOR_FINANCE = {
    "at_risk": "What open differences are worth",
    "open_drift": "What differs now",
    "invoices": "Usage on the closed month's invoices: expected and invoiced",
    "unbilled": "Claimed in Stigg, not billed in Stripe",
    "unclaimed": "Billed in Stripe, not claimed in Stigg",
    "usage": "Usage by state",
    "usage_open": "Usage that is on no finalized invoice, or never will be",
    "credits": "Credits that are owed: a credit note each, made by a person",
    "charges": "Pending charges of ended subscriptions: billed or deleted by a person",
    "unused": "Paid time after an end: a credit note each, if it is given back",
    "after_end": "Invoices of ended subscriptions: void, credited or collected by a person",
    "stuck": "Invoices that nothing will finalize or collect",
    "status_counts": "Statuses by reason",
    "repaired": "What was repaired since yesterday, and who approved it",
    "accepted": "Drift that a person accepted",
    "prices": "Price versions in use",
    "invariants": "What always holds, and did not",
    "history": "Differences a day",
}


@dataclass(frozen=True)
class Money:
    """An amount in major units of its currency: a number in a spreadsheet, a sentence on a page."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{Decimal(self.plain()):,f} {self.currency.upper()}"

    def plain(self) -> str:
        """The amount with the decimals of its currency, and more only where it has fractions of a minor unit."""
        return decimals(self.amount, self.currency)


@dataclass(frozen=True)
class Table:
    """One answered question. Cells are text, numbers, money, times or absent."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Rows


def tables(
    engine: Engine,
    questions: Mapping[str, str],
    environment: str,
    *,
    run_id: str | None = None,
    names: bool = False,
    **about: Any,
) -> list[Table]:
    """The answers to questions about an environment and its newest comparison, or a run and its own, read in one
    transaction; ``about`` is what else they ask.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        found = []
        comparison = comparisons.latest(connection, environment, run_id=run_id)
        about |= {"environment": environment, "run_id": run_id, "comparison": comparison}
        for name, title in questions.items():
            columns, rows = answer(connection, name, **about)
            shown = Rows(presentable(row, names=names) for row in rows)
            found.append(Table(name, title, tuple(column_name(c) for c in columns), shown))
    return found


def answer(connection: Connection, name: str, **about: Any) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Return the columns and rows of a question: those of its SQL file, or of the figures that pandas computes."""
    if name != "at_risk":
        return opened(connection, f"reports/{name}", **about)
    from stripe_sync.reporting.ageing import COLUMNS, ageing_rows  # pandas is slow to import: only where it computes

    return COLUMNS, ageing_rows(connection, about["environment"], now=about["now"])


def decimals(amount: Decimal, currency: str) -> str:
    """An amount in major units with the decimals of its currency; fractions of a minor unit are kept."""
    places = money.exponent(currency)
    normal = amount.normalize()
    exponent = normal.as_tuple().exponent
    return f"{amount:.{max(places, -exponent if isinstance(exponent, int) else 0)}f}"


def made(name: str, title: str, rows: Sequence[Row]) -> Table:
    """A table of rows that were read before."""
    return Table(name, title, tuple(rows[0]) if rows else (), Rows(rows))


def column_name(column: str) -> str:
    """Minor units are shown as money, so their columns are not called minor."""
    return {"minor": "amount", "minor_a_month": MONTHLY, "minor_a_year": "a_year"}.get(column, column)


def presentable(row: Mapping[str, Any], *, names: bool) -> Row:
    """A row in cells: amounts as money, documents as text, people hidden."""
    return {column_name(column): cell(row, column, value, names=names) for column, value in row.items()}


def cell(row: Mapping[str, Any], column: str, value: Any, *, names: bool) -> Any:
    if column in ("per_month", "due_now"):
        return money.shown_all({c: Decimal(str(v)) for c, v in (value or {}).items()})
    if column in MINOR and value is not None and row.get("currency"):
        return Money(money.to_major(Decimal(value), row["currency"]), row["currency"])
    if column in ("before", "after") and row.get("kind") == EntityKind.CUSTOMER and not names:
        return without_people(row.get("field"), value)
    return dumps(value) if isinstance(value, dict | list | bool) else value


def without_people(field: Any, value: Any) -> Any:
    """A customer's document or field with its personal texts hidden."""
    if value is None:
        return None
    if isinstance(value, dict):
        return dumps({k: HIDDEN if k in PERSONAL else v for k, v in value.items()})
    return HIDDEN if field in PERSONAL else dumps(value) if isinstance(value, list | bool) else value


def summary(found: Iterable[Table], environment: str, run_id: str, *, differences: int) -> Row:
    """The figures of a run's report: what a script or a dashboard reads."""
    by_name = {t.name: t.rows for t in found}
    return {
        "environment": environment,
        "run": run_id,
        "differences": differences,
        "per_month_minor": [
            {k: str(v) if isinstance(v, Decimal) else v for k, v in row.items()} for row in by_name["money"]
        ],
        "planned_actions": sum(row["actions"] for row in by_name["groups"]),
        "waiting_actions": sum(row["actions"] for row in by_name["groups"] if row["decision"] != Decision.APPLY),
        "statuses": statuses(by_name["status_counts"]),
    }


def finance_summary(found: Iterable[Table], environment: str, at: str) -> Row:
    """The figures of the finance report: totals by direction and currency, each the sum of its table's rows."""
    by_name = {t.name: t.rows for t in found}
    return {
        "environment": environment,
        "as_of": at,
        "open_differences": len(by_name["open_drift"]),
        "a_month": totals(by_name["at_risk"], by="direction", amount=MONTHLY),
        "a_year": totals(by_name["at_risk"], by="direction", amount="a_year"),
        "usage": totals(by_name["usage"], by="state", amount="amount"),
        "invoices": totals(by_name["invoices"], by="month", amount="difference"),
        "claimed_not_billed": len(by_name["unbilled"]),
        "billed_not_claimed": len(by_name["unclaimed"]),
        "accepted": len(by_name["accepted"]),
        "repaired_since_yesterday": len(by_name["repaired"]),
        "invariants_broken": len(by_name["invariants"]),
        "statuses": statuses(by_name["status_counts"]),
    }


def totals(rows: Iterable[Row], *, by: str, amount: str) -> dict[str, dict[str, str]]:
    """Sums of a money column by another column and by currency, in major units as text; currencies are never added."""
    from stripe_sync.reporting import frames

    summed = frames.totals(frames.money_frame(rows, by=[by], value=amount), by=[by], value=amount)
    result: dict[str, dict[str, str]] = {}
    for row in summed.itertuples(index=False):
        result.setdefault(str(row[0]), {})[row.currency] = decimals(row[2], row.currency)
    return result


def statuses(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """Entities by kind and status."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        kind = found.setdefault(row["kind"], {})
        kind[row["status"]] = kind.get(row["status"], 0) + row["entities"]
    return found
