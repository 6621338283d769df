"""The schema of the warehouse's tables: every statement names it, so that nothing depends on a search path.

Statements say ``stripe_sync``. A connection to a warehouse with another schema has that in its place.
"""

from __future__ import annotations

import re
from functools import cache

from sqlalchemy import URL, Connection, Engine

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.warehouse.tables.columns import SCHEMA

PARAMETER = "schema"  # of the warehouse's URL
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")


def schema_in(url: URL) -> str:
    """Return the schema that a URL sets (``?schema=billing``), else ``stripe_sync``. Raises ConfigurationError for no name."""
    given = url.query.get(PARAMETER, SCHEMA)
    if not isinstance(given, str) or not NAME.fullmatch(given) or given.startswith("pg_"):
        raise ConfigurationError(
            f"The warehouse's URL sets the schema {given}; set one name of letters, digits, _ and -, up to 63 characters."
        )
    return given


def schema_of(source: Connection | Engine) -> str:
    """Return the schema of the warehouse that a connection or an engine belongs to."""
    translated: dict[str, str] = source.get_execution_options().get("schema_translate_map", {})
    return translated.get(SCHEMA, SCHEMA)


@cache
def qualified(statement: str, schema: str) -> str:
    """Return a statement with this schema, quoted, in the place of ``stripe_sync``."""
    return statement if schema == SCHEMA else re.sub(rf"\b{SCHEMA}\.(?=[a-z])", f'"{schema}".', statement)
