"""Packaged files: ``sql/`` and ``expectations/``, in a checkout or in the wheel.

They are in ``STRIPE_SYNC_HOME`` if set, else in the checkout of this package, else in the wheel.
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
    """Return the folder of ``sql`` and ``expectations``. Raises ConfigurationError where STRIPE_SYNC_HOME has no ``sql``."""
    given = os.environ.get("STRIPE_SYNC_HOME")
    if given:
        if not (Path(given) / "sql").is_dir():
            raise ConfigurationError(
                f"STRIPE_SYNC_HOME is {given}, which has no folder sql. Correct the variable, or unset it."
            )
        return Path(given)
    checkout = PACKAGE.parent.parent
    if (checkout / "sql").is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout
    return PACKAGE / "carried"


def sql(name: str) -> str:
    """Return the text of one SQL file, such as ``drift/differences``."""
    return (home() / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def expectations(check: str) -> list[Path]:
    """Return the suite files of a check, in order of name."""
    return sorted((home() / "expectations" / check).glob("*.json"))


@cache
def version() -> str:
    """Return a hash of the package's modules, SQL and expectations."""
    digest = hashlib.sha256()
    files = [PACKAGE.rglob("*.py"), (home() / "sql").rglob("*.sql"), (home() / "expectations").rglob("*.json")]
    for path in (path for found in files for path in sorted(found)):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def migrations() -> Path:
    """Return the folder of Alembic's migrations."""
    return home() / "sql" / "migrations"
