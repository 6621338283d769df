"""The finance report by e-mail: its counts in the text, page and workbook attached."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ATTACHED = ("index.html", "drift.xlsx")


def send(environment: str, to: Sequence[str], published: Mapping[str, Any]) -> None:
    """Send the published report through Airflow's connection ``smtp_default``. Raises the mail server's errors."""
    from airflow.providers.smtp.hooks.smtp import SmtpHook
    from airflow.sdk import ObjectStoragePath

    source = ObjectStoragePath(published["folder"])
    counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in published["counts"].items())
    with tempfile.TemporaryDirectory() as folder, SmtpHook() as mail:
        files = []
        for name in ATTACHED:
            (Path(folder) / name).write_bytes((source / name).read_bytes())
            files.append(str(Path(folder) / name))
        mail.send_email_smtp(
            to=list(to),
            subject=f"Drift report: {environment}, {counts}",
            files=files,
            html_content=f"<p>{html.escape(counts)}. The report is attached.</p>",
        )
