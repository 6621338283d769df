"""Suites as JSON files: expectations on the rows of one query, and whether a failure stops the run or one row.

A suite's ``meta`` names the query (below ``sql/checks``), the side if the rows are of one side, and the entity kind if they
are entities; rows have ``id``. Each expectation's ``meta`` has ``scope`` (``set`` or ``row``) and ``rule``, a message.
A query with the parameter ``:judged`` returns only rows that changed after that snapshot version, so its suite has no
expectation about the whole table.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stripe_sync.core.config import packaged
from stripe_sync.core.errors import ConfigurationError

# Expectations on single rows.
ROW_EXPECTATIONS = re.compile(r"expect_column_(pair_)?values_(?!to_be_unique)")


@dataclass(frozen=True)
class Suite:
    """One file of ``expectations/``. ``hash`` covers the file and its query; when it changes, the suite runs again."""

    name: str
    document: Mapping[str, Any]
    query: str
    entity_kind: str | None
    side: str | None
    hash: str

    @property
    def row_wise(self) -> bool:
        """Return whether each row is checked separately, so that only changed rows are checked again."""
        return ":judged" in self.query


def suites(check: str) -> list[Suite]:
    """Load the suites of a check, in order of name. Raises ConfigurationError for one that cannot be read."""
    return [read(path) for path in packaged.expectations(check)]


def read(path: Path) -> Suite:
    """Load one suite. Raises ConfigurationError where its form is invalid."""
    text = path.read_text(encoding="utf-8")
    try:
        document = json.loads(text)
        meta = document["meta"]
        query = packaged.sql(f"checks/{meta['query']}")
        for expectation in document["expectations"]:
            if expectation["meta"]["scope"] not in ("set", "row"):
                raise ValueError(f"invalid scope {expectation['meta']['scope']}")
            if ":judged" in query and not ROW_EXPECTATIONS.match(expectation["type"]):
                raise ValueError("its query returns only changed rows, but an expectation is about the whole table")
    except (ValueError, KeyError, OSError) as error:
        raise ConfigurationError(
            f"Suite {path} cannot be read: {error}. Its form is described in docs/testing.md."
        ) from None
    digest = hashlib.sha256((text + query).encode()).hexdigest()[:16]
    return Suite(document["name"], document, query, meta.get("entity_kind"), meta.get("side"), digest)
