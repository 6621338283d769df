"""A report as files: HTML that opens offline, XLSX with a sheet a question, CSV, JSON. None can carry a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jinja2
import xlsxwriter

from stripe_sync.report.tables import Row, Table
from stripe_sync.warehouse.engine import dumps

# A spreadsheet takes a cell that begins with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
environment = jinja2.Environment(
    loader=jinja2.PackageLoader("stripe_sync.report"), autoescape=True, undefined=jinja2.StrictUndefined
)


def write(folder: Path, found: Sequence[Table], summary: Row, *, at: datetime) -> list[str]:
    """Writes all files of a report; returns their names. Each is replaced whole, never half-written."""
    drift = next(t for t in found if t.name == "drift")
    files = {
        "index.html": html(found, summary, at=at).encode(),
        "drift.csv": csv_text(drift).encode(),
        "drift.xlsx": xlsx(found),
        "summary.json": dumps(summary).encode(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        part = folder / f".{name}.part"
        part.write_bytes(content)
        part.replace(folder / name)
    return sorted(files)


def html(found: Sequence[Table], summary: Row, *, at: datetime) -> str:
    """One page without a reference to anything outside it."""
    return environment.get_template("report.html").render(tables=found, summary=summary, at=at, cell=text_of)


def csv_text(table: Table) -> str:
    """The drift rows, a line each."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([harmless(text_of(row[column])) for column in table.columns])
    return target.getvalue()


def xlsx(found: Sequence[Table]) -> bytes:
    """A sheet a question, with a frozen header; text is written as text, numbers and times as what they are."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(
        target, {"in_memory": True, "remove_timezone": True, "strings_to_formulas": False}
    ) as book:
        bold = book.add_format({"bold": True})
        time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for table in found:
            sheet = book.add_worksheet(table.name)
            sheet.freeze_panes(1, 0)
            for column, name in enumerate(table.columns):
                sheet.write_string(0, column, name, bold)
            for line, row in enumerate(table.rows, start=1):
                for column, name in enumerate(table.columns):
                    value = row[name]
                    if isinstance(value, datetime):
                        sheet.write_datetime(line, column, value, time)
                    elif isinstance(value, int | Decimal):
                        sheet.write_number(line, column, value)
                    elif value is not None:
                        sheet.write_string(line, column, str(value)[:32_000])
            if table.rows:
                sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
                sheet.autofit()
    return target.getvalue()


def text_of(value: Any) -> str:
    """A cell as text."""
    if value is None:
        return ""
    return value.strftime("%Y-%m-%d %H:%M:%S UTC") if isinstance(value, datetime) else str(value)


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
