"""Tables of the reports, each from one SQL file or from the figures of ``frames``.

Names and e-mail addresses are shown as ``(hidden)`` unless ``names`` is set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, Engine

from stripe_sync.core import money
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.domain.plan.guards import Decision
from stripe_sync.reporting.cells import Cell, Money, Row, count, decimals
from stripe_sync.reporting.spool import Rows
from stripe_sync.reporting.summaries import FinanceSummary, MonthlyMoney, RunSummary
from stripe_sync.warehouse.comparisons import comparisons
from stripe_sync.warehouse.json_text import dumps
from stripe_sync.warehouse.table_rows import JsonObject, Value, open_rows

HIDDEN = "(hidden)"
MONTHLY = "a_month"  # the column of monthly amounts
PERSONAL = frozenset({"name", "email", "description"})
MINOR = frozenset(
    {
        "minor",
        "minor_a_month",
        "minor_a_year",
        "expected",
        "invoiced",
        "rounding",
        "difference",
        "total",
        "balance",
        "due",
        "minor_before",
        "minor_in",
        "minor_out",
        "minor_after",
    }
)
# Tables of a reconcile run, with their headings.
OF_A_RUN = {
    "drift": "Differences",
    "money": "Differences per month",
    "groups": "Planned writes and guard results",
    "status_counts": "Entities by status",
    "statuses": "Status changes and problems",
    "link_suggestions": "Possible links awaiting confirmation",
    "manual_actions": "Manual actions",
    "writes": "Writes",
}
# Tables of the finance report, with their headings.
FOR_FINANCE = {
    "at_risk": "Amounts of open differences",
    "open_drift": "Open differences",
    "invoices": "Invoices of the closed month: expected and invoiced",
    "active_not_billed": "Active in Stigg, not billed in Stripe",
    "billed_not_active": "Billed in Stripe, not active in Stigg",
    "usage": "Usage by state",
    "roll_forward": "Usage in the closed month: balance before, movements, balance after",
    "usage_open": "Usage not on a finalized invoice",
    "credits": "Credits owed: create a credit note for each",
    "charges": "Pending charges of ended subscriptions: bill or delete them",
    "unused": "Unused paid time after an end: create a credit note if it is refunded",
    "after_end": "Invoices of ended subscriptions: void, credit or collect them",
    "stuck": "Invoices that will not be finalized or collected automatically",
    "status_counts": "Statuses by reason",
    "repaired": "Repairs since yesterday, with approver",
    "accepted": "Accepted differences",
    "prices": "Price versions in use",
    "invariants": "Failed consistency checks",
    "history": "Differences per day",
}


COMPUTED = frozenset({"at_risk", "roll_forward"})  # tables from the figures of ``frames``


@dataclass(frozen=True)
class Table:
    """A table with its heading. Cells are texts, numbers, money, times or None."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Rows


@dataclass(frozen=True)
class Question:
    """Parameters of the queries of tables."""

    environment: str
    run_id: str | None
    comparison: int | None
    now: datetime | None


def tables(
    engine: Engine,
    headings: Mapping[str, str],
    environment: str,
    *,
    run_id: str | None = None,
    names: bool = False,
    now: datetime | None = None,
) -> list[Table]:
    """Return the tables of ``headings`` (heading by table name), read in one transaction.

    They show the newest comparison of the environment, or that of ``run_id``; ages are those at ``now`` (UTC).
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        found = []
        comparison = comparisons.latest(connection, environment, run_id=run_id)
        question = Question(environment, run_id, comparison, now)
        for name, title in headings.items():
            columns, rows = query_table(connection, name, question)
            shown = Rows(presentable(row, names=names) for row in rows)
            found.append(Table(name, title, tuple(column_name(c) for c in columns), shown))
    return found


def query_table(
    connection: Connection, name: str, question: Question
) -> tuple[tuple[str, ...], Iterator[Mapping[str, Value]]]:
    """Return the columns and rows of a table, from its SQL file or from the figures of ``frames``."""
    if name not in COMPUTED or question.now is None:
        return open_rows(connection, f"reports/{name}", **asdict(question))
    from stripe_sync.reporting.computed_tables import TABLES  # pandas is slow to import: only where it computes

    columns, rows_of = TABLES[name]
    return columns, rows_of(connection, question.environment, question.now)


def table_of(name: str, title: str, rows: Sequence[Row]) -> Table:
    """Return a table of rows that are already loaded."""
    return Table(name, title, tuple(rows[0]) if rows else (), Rows(rows))


def column_name(column: str) -> str:
    """Return the heading of a column; amounts in minor units are shown in major units."""
    return {"minor": "amount", "minor_a_month": MONTHLY, "minor_a_year": "a_year"}.get(
        column, column.replace("minor_", "amount_")
    )


def presentable(row: Mapping[str, Value], *, names: bool) -> Row:
    """Return a row as cells: amounts as money, documents as text, personal values hidden unless ``names``."""
    return {column_name(column): cell(row, column, value, names=names) for column, value in row.items()}


def cell(row: Mapping[str, Value], column: str, value: Value, *, names: bool) -> Cell:
    """Return one cell of a row."""
    currency = row.get("currency")
    if column in ("per_month", "due_now"):
        return money.shown_all(value.decimals() if isinstance(value, JsonObject) else {})
    if column in MINOR and isinstance(value, str | int | Decimal) and isinstance(currency, str) and currency:
        return Money(money.to_major(Decimal(value), currency), currency)
    if column in ("before", "after") and row.get("kind") == EntityKind.CUSTOMER and not names:
        return without_people(row.get("field"), value)
    return value.text() if isinstance(value, JsonObject) else value


def without_people(field: Value, value: Value) -> Cell:
    """Return a customer's document or field with its personal texts hidden."""
    if value is None:
        return None
    if isinstance(value, JsonObject):
        hidden = {name: dumps(HIDDEN) if name in PERSONAL else text for name, text in value.fields.items()}
        return JsonObject(hidden).text()
    return HIDDEN if field in PERSONAL else value


def summary(found: Iterable[Table], environment: str, run_id: str, *, differences: int) -> RunSummary:
    """Return the figures of a run's report."""
    by_name = {t.name: t.rows for t in found}
    return RunSummary(
        environment=environment,
        run=run_id,
        differences=differences,
        per_month_minor=[monthly_money(row) for row in by_name["money"]],
        planned_actions=sum(count(row, "actions") for row in by_name["groups"]),
        waiting_actions=sum(count(row, "actions") for row in by_name["groups"] if row["decision"] != Decision.APPLY),
        statuses=count_statuses(by_name["status_counts"]),
    )


def monthly_money(row: Row) -> MonthlyMoney:
    """Return a row of the table ``money``."""
    kind, state, currency, amount = (str(row[c]) for c in ("kind", "state", "currency", "per_month_minor"))
    return MonthlyMoney(kind, state, currency, amount, count(row, "differences"))


def finance_summary(found: Iterable[Table], environment: str, at: str) -> FinanceSummary:
    """Return the figures of the finance report: totals by direction and currency, each the sum of its table's rows."""
    by_name = {t.name: t.rows for t in found}
    return FinanceSummary(
        environment=environment,
        as_of=at,
        open_differences=len(by_name["open_drift"]),
        a_month=totals(by_name["at_risk"], by="direction", amount=MONTHLY),
        a_year=totals(by_name["at_risk"], by="direction", amount="a_year"),
        usage=totals(by_name["usage"], by="state", amount="amount"),
        invoices=totals(by_name["invoices"], by="month", amount="difference"),
        active_not_billed=len(by_name["active_not_billed"]),
        billed_not_active=len(by_name["billed_not_active"]),
        accepted=len(by_name["accepted"]),
        repaired_since_yesterday=len(by_name["repaired"]),
        invariants_broken=len(by_name["invariants"]),
        statuses=count_statuses(by_name["status_counts"]),
    )


def totals(rows: Iterable[Row], *, by: str, amount: str) -> dict[str, dict[str, str]]:
    """Return the sums of a money column by another column and by currency, in major units as text."""
    from stripe_sync.reporting import frames

    summed = frames.totals(frames.money_frame(rows, by=[by], value=amount), by=[by], value=amount)
    result: dict[str, dict[str, str]] = {}
    for row in summed.itertuples(index=False):
        result.setdefault(str(row[0]), {})[row.currency] = decimals(row[2], row.currency)
    return result


def count_statuses(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """Return the number of entities by kind and status."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        kind, status = found.setdefault(str(row["kind"]), {}), str(row["status"])
        kind[status] = kind.get(status, 0) + count(row, "entities")
    return found
