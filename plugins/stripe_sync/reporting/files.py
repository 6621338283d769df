"""Report files: HTML that opens offline, XLSX with one sheet per table, CSV and JSON. No cell can become a formula."""

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
from typing import IO

import jinja2
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from stripe_sync.core import money
from stripe_sync.reporting.cells import Cell, Money
from stripe_sync.reporting.folder import Folder
from stripe_sync.reporting.summaries import FinanceSummary, RunSummary
from stripe_sync.reporting.tables import Table
from stripe_sync.warehouse.json_text import dumps

# A spreadsheet reads a cell that begins with one of these as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
MAX_PAGE_ROWS = 2000  # rows of a table on the page; the workbook has all of them
MAX_SHEET_ROWS = 1_048_575
MAX_COLUMN_WIDTH = 60  # characters
MAX_CELL_TEXT = 32_000  # characters of a workbook cell
environment = jinja2.Environment(
    loader=jinja2.PackageLoader("stripe_sync.reporting"), autoescape=True, undefined=jinja2.StrictUndefined
)
environment.filters["money"] = lambda amounts: ", ".join(f"{v} {c.upper()}" for c, v in amounts.items())


def write(
    folder: Folder,
    found: Sequence[Table],
    summary: RunSummary | FinanceSummary,
    *,
    lines: str,
    page: str,
    at: datetime,
    charts: Mapping[str, str] | None = None,
) -> list[str]:
    """Write all files of a report atomically and return their names.

    ``folder`` is any path object; ``lines`` names the table of drift.csv, ``page`` the template of index.html.
    """
    drift = next(t for t in found if t.name == lines)
    files: dict[str, Callable[[IO[bytes]], int | None]] = {
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


def replace(folder: Folder, name: str, content: Callable[[IO[bytes]], int | None]) -> None:
    """Replace a file atomically: on disk by a rename; an object store replaces objects atomically."""
    if not isinstance(folder, Path):
        with tempfile.TemporaryFile(prefix="stripe_sync-") as file, (folder / name).open("wb") as target:
            content(file)
            file.seek(0)
            shutil.copyfileobj(file, target)
        return
    part = folder / f".{name}.part"
    with part.open("wb") as file:
        content(file)
    part.replace(folder / name)


def html(
    page: str,
    found: Sequence[Table],
    summary: RunSummary | FinanceSummary,
    *,
    at: datetime,
    charts: Mapping[str, str],
) -> str:
    """Render a page without external references."""
    return environment.get_template(page).render(
        tables=found, summary=summary, at=at, charts=charts, cell=text_of, number=is_number, most=MAX_PAGE_ROWS
    )


def write_csv(table: Table, target: IO[bytes]) -> None:
    """Write a table as CSV, one line per row."""
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([escape_formula(row[column]) for column in table.columns])
    text.detach()


def write_json(found: Iterable[Table], target: IO[bytes]) -> None:
    """Write an object with the rows of each table by name, one line per row."""
    separator = b"{"
    for table in found:
        target.write(separator + dumps(table.name).encode() + b":[")
        for number, row in enumerate(table.rows):
            line = dumps({column: plain(row[column]) for column in table.columns}).encode()
            target.write((b",\n" if number else b"\n") + line)
        target.write(b"]")
        separator = b",\n"
    target.write(b"}")


def write_xlsx(found: Iterable[Table], target: IO[bytes]) -> None:
    """Write one sheet per table, with a frozen header; numbers, money and times keep their types, texts stay texts."""
    with xlsxwriter.Workbook(
        target,
        {"constant_memory": True, "remove_timezone": True, "strings_to_formulas": False, "strings_to_urls": False},
    ) as book:
        sheets = Sheets(book)
        for table in found:
            sheets.add(table)


class Sheets:
    """Sheets of one workbook; each number format is created once."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.book = book
        self.bold = book.add_format({"bold": True})
        self.formats: dict[str, Format] = {}

    def add(self, table: Table) -> None:
        """Add a sheet with a table."""
        sheet = self.book.add_worksheet(table.name)
        sheet.freeze_panes(1, 0)
        widths = [len(name) for name in table.columns]
        for column, name in enumerate(table.columns):
            sheet.write_string(0, column, name, self.bold)
        for line, row in enumerate(islice(table.rows, MAX_SHEET_ROWS), start=1):
            for column, name in enumerate(table.columns):
                self.write(sheet, line, column, row[name])
                widths[column] = max(widths[column], len(text_of(row[name])))
        for column, width in enumerate(widths):
            sheet.set_column(column, column, min(width, MAX_COLUMN_WIDTH) + 2)
        if table.rows:
            sheet.autofilter(0, 0, min(len(table.rows), MAX_SHEET_ROWS), len(table.columns) - 1)

    def write(self, sheet: Worksheet, line: int, column: int, value: Cell) -> None:
        """Write one cell in the format of its type."""
        if isinstance(value, Money):
            decimals = money.exponent(value.currency)
            shape = "#,##0" + ("." + "0" * decimals if decimals else "") + f' "{value.currency.upper()}"'
            sheet.write_number(line, column, value.amount, self.format(shape))
        elif isinstance(value, datetime):
            sheet.write_datetime(line, column, value, self.format("yyyy-mm-dd hh:mm:ss"))
        elif isinstance(value, date):
            sheet.write_datetime(line, column, value, self.format("yyyy-mm-dd"))
        elif isinstance(value, int | Decimal):
            sheet.write_number(line, column, value)
        elif value is not None:
            sheet.write_string(line, column, str(value)[:MAX_CELL_TEXT])

    def format(self, shape: str) -> Format:
        """Return the workbook's format of a number format string."""
        if shape not in self.formats:
            self.formats[shape] = self.book.add_format({"num_format": shape})
        return self.formats[shape]


def is_number(value: Cell) -> bool:
    """Return whether a cell is a number, which is aligned to the right."""
    return isinstance(value, int | Decimal | Money)


def plain(value: Cell) -> Cell:
    """Return a cell for JSON: money as text in major units; its currency has its own column."""
    return value.plain() if isinstance(value, Money) else value


def text_of(value: Cell) -> str:
    """Return a cell as text: empty for None, a time in UTC to the second."""
    if value is None:
        return ""
    return value.strftime("%Y-%m-%d %H:%M:%S UTC") if isinstance(value, datetime) else str(value)


def escape_formula(value: Cell) -> str:
    """Return a CSV cell: a number, or text with an apostrophe where a spreadsheet would read a formula."""
    if is_number(value):
        return str(plain(value))
    text = text_of(value)
    return f"'{text}" if text.startswith(FORMULA) else text
