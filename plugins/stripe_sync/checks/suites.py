"""Suites as JSON files: what is asked of one query's rows, and whether a failure stops the lane or one row.

A suite's ``meta`` names the query (``sql/checks``), the side if its rows are of one alone, and, for suites about entities, the
entity kind; its rows carry ``id``. Each expectation's ``meta`` has ``scope`` (``set`` or ``row``) and ``rule``, a sentence.
A query that takes ``:judged`` gives the rows that came or changed after that content of the mirror: its suite says nothing of all
of them together.
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

# Expectations that look at each row by itself.
OF_EACH = re.compile(r"expect_column_(pair_)?values_(?!to_be_unique)")


@dataclass(frozen=True)
class Suite:
    """One file of ``expectations/``. ``hash`` covers the file and its query: another one is judged anew."""

    name: str
    document: Mapping[str, Any]
    query: str
    entity_kind: str | None
    side: str | None
    hash: str

    @property
    def row_wise(self) -> bool:
        """Whether each row is judged by itself, so that only rows that changed are judged again."""
        return ":judged" in self.query


def suites(gate: str) -> list[Suite]:
    """The suites of a gate, in order of name. Raises ConfigurationError for one that cannot be read."""
    return [read(path) for path in packaged.expectations(gate)]


def read(path: Path) -> Suite:
    text = path.read_text(encoding="utf-8")
    try:
        document = json.loads(text)
        meta = document["meta"]
        query = packaged.sql(f"checks/{meta['query']}")
        for expectation in document["expectations"]:
            if expectation["meta"]["scope"] not in ("set", "row"):
                raise ValueError(f"the scope {expectation['meta']['scope']}")
            if ":judged" in query and not OF_EACH.match(expectation["type"]):
                raise ValueError("its query gives changed rows alone, and an expectation is about all of them together")
    except (ValueError, KeyError, OSError) as error:
        raise ConfigurationError(
            f"The suite {path} cannot be read: {error}; see docs/testing.md for its form."
        ) from None
    digest = hashlib.sha256((text + query).encode()).hexdigest()[:16]
    return Suite(document["name"], document, query, meta.get("entity_kind"), meta.get("side"), digest)
