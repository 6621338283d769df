"""A report as files: HTML that opens offline, XLSX with a sheet a question, CSV, JSON. None can carry a formula."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any

import jinja2
import xlsxwriter

from stripe_sync.core import money
from stripe_sync.reporting.spool import Row
from stripe_sync.reporting.tables import Money, Table
from stripe_sync.warehouse.engine import dumps

# A spreadsheet takes a cell that begins with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
ON_A_PAGE = 2000  # rows of a table; the spreadsheet has them all
ON_A_SHEET = 1_048_575
WIDEST = 60  # characters of a column of a sheet
TEXT = 32_000  # characters that a cell of a spreadsheet holds
environment = jinja2.Environment(
    loader=jinja2.PackageLoader("stripe_sync.reporting"), autoescape=True, undefined=jinja2.StrictUndefined
)
environment.filters["money"] = lambda amounts: ", ".join(f"{v} {c.upper()}" for c, v in amounts.items())


def write(
    folder: Any, found: Sequence[Table], summary: Row, *, lines: str, page: str, at: datetime,
    charts: Mapping[str, str] | None = None,
) -> list[str]:  # fmt: skip
    """Writes all files of a report; returns their names. Each is replaced whole, never half-written.

    ``folder`` is any path object; ``lines`` names the table that becomes drift.csv, ``page`` the template of index.html.
    """
    drift = next(t for t in found if t.name == lines)
    files: dict[str, Callable[[IO[bytes]], object]] = {
        "index.html": lambda to: to.write(html(page, found, summary, at=at, charts=charts or {}).encode()),
        "drift.csv": lambda to: write_csv(drift, to),
        "drift.xlsx": lambda to: write_xlsx(found, to),
        "report.json": lambda to: write_json(found, to),
        "summary.json": lambda to: to.write(dumps(summary).encode()),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        replace(folder, name, content)
    return sorted(files)


def replace(folder: Any, name: str, content: Callable[[IO[bytes]], object]) -> None:
    """A file of a folder on disk appears at once; an object store does that by itself."""
    if not isinstance(folder, Path):
        with tempfile.TemporaryFile(prefix="stripe_sync-") as made, (folder / name).open("wb") as target:
            content(made)
            made.seek(0)
            shutil.copyfileobj(made, target)
        return
    part = folder / f".{name}.part"
    with part.open("wb") as made:
        content(made)
    part.replace(folder / name)


def html(page: str, found: Sequence[Table], summary: Row, *, at: datetime, charts: Mapping[str, str]) -> str:
    """One page without a reference to anything outside it."""
    return environment.get_template(page).render(
        tables=found, summary=summary, at=at, charts=charts, cell=text_of, number=is_number, most=ON_A_PAGE
    )


def write_csv(table: Table, target: IO[bytes]) -> None:
    """The rows of a table, a line each."""
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([harmless(row[column]) for column in table.columns])
    text.detach()


def write_json(found: Iterable[Table], target: IO[bytes]) -> None:
    """An object with the rows of each table, a line each."""
    between = b"{"
    for table in found:
        target.write(between + dumps(table.name).encode() + b":[")
        for number, row in enumerate(table.rows):
            line = dumps({column: plain(row[column]) for column in table.columns}).encode()
            target.write((b",\n" if number else b"\n") + line)
        target.write(b"]")
        between = b",\n"
    target.write(b"}")


def write_xlsx(found: Iterable[Table], target: IO[bytes]) -> None:
    """A sheet a question, with a frozen header; text is written as text, numbers, money and times as what they are."""
    with xlsxwriter.Workbook(
        target,
        {"constant_memory": True, "remove_timezone": True, "strings_to_formulas": False, "strings_to_urls": False},
    ) as book:
        sheets = Sheets(book)
        for table in found:
            sheets.add(table)


class Sheets:
    """The sheets of one workbook; a format is made once."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.book = book
        self.bold = book.add_format({"bold": True})
        self.formats: dict[str, Any] = {}

    def add(self, table: Table) -> None:
        sheet = self.book.add_worksheet(table.name)
        sheet.freeze_panes(1, 0)
        widths = [len(name) for name in table.columns]
        for column, name in enumerate(table.columns):
            sheet.write_string(0, column, name, self.bold)
        for line, row in enumerate(islice(table.rows, ON_A_SHEET), start=1):
            for column, name in enumerate(table.columns):
                self.write(sheet, line, column, row[name])
                widths[column] = max(widths[column], len(text_of(row[name])))
        for column, width in enumerate(widths):
            sheet.set_column(column, column, min(width, WIDEST) + 2)
        if table.rows:
            sheet.autofilter(0, 0, min(len(table.rows), ON_A_SHEET), len(table.columns) - 1)

    def write(self, sheet: Any, line: int, column: int, value: Any) -> None:
        if isinstance(value, Money):
            places = money.exponent(value.currency)
            shape = "#,##0" + ("." + "0" * places if places else "") + f' "{value.currency.upper()}"'
            sheet.write_number(line, column, value.amount, self.format(shape))
        elif isinstance(value, datetime):
            sheet.write_datetime(line, column, value, self.format("yyyy-mm-dd hh:mm:ss"))
        elif isinstance(value, date):
            sheet.write_datetime(line, column, value, self.format("yyyy-mm-dd"))
        elif isinstance(value, int | Decimal):
            sheet.write_number(line, column, value)
        elif value is not None:
            sheet.write_string(line, column, str(value)[:TEXT])

    def format(self, shape: str) -> Any:
        if shape not in self.formats:
            self.formats[shape] = self.book.add_format({"num_format": shape})
        return self.formats[shape]


def is_number(value: Any) -> bool:
    """Whether a column of such cells stands to the right."""
    return isinstance(value, int | Decimal | Money)


def plain(value: Any) -> Any:
    """A cell in JSON: money as text in major units, beside its currency's column."""
    return value.plain() if isinstance(value, Money) else value


def text_of(value: Any) -> str:
    """A cell as text."""
    if value is None:
        return ""
    return value.strftime("%Y-%m-%d %H:%M:%S UTC") if isinstance(value, datetime) else str(value)


def harmless(value: Any) -> str:
    """A cell of a CSV file: text that no spreadsheet takes for a formula; numbers are numbers."""
    if is_number(value):
        return str(plain(value))
    text = text_of(value)
    return f"'{text}" if text.startswith(FORMULA) else text
