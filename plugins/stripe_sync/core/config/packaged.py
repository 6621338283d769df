"""Where ``sql/`` and ``expectations/`` are: one resolver for checkout and wheel.

``STRIPE_SYNC_HOME`` if set, else the checkout that this package stands in, else what the wheel carries.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

from stripe_sync.core.errors import ConfigurationError

PACKAGE = Path(__file__).resolve().parents[2]


@cache
def home() -> Path:
    """The folder that holds ``sql`` and ``expectations``."""
    given = os.environ.get("STRIPE_SYNC_HOME")
    if given:
        if not (Path(given) / "sql").is_dir():
            raise ConfigurationError(f"STRIPE_SYNC_HOME is {given}, which has no folder sql; unset it or correct it.")
        return Path(given)
    checkout = PACKAGE.parent.parent
    if (checkout / "sql").is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout
    return PACKAGE / "carried"


def sql(name: str) -> str:
    """The text of one SQL file, such as ``drift/differences``."""
    return (home() / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def expectations(gate: str) -> list[Path]:
    """The suites of a gate, in order of name."""
    return sorted((home() / "expectations" / gate).glob("*.json"))


@cache
def version() -> str:
    """A hash of what this package does: of its modules, its SQL and its expectations."""
    digest = hashlib.sha256()
    files = [PACKAGE.rglob("*.py"), (home() / "sql").rglob("*.sql"), (home() / "expectations").rglob("*.json")]
    for path in (path for found in files for path in sorted(found)):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def migrations() -> Path:
    """The folder of Alembic's migrations."""
    return home() / "sql" / "migrations"
