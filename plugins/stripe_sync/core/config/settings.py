"""Reader of environments.toml: which Stigg environment and which Stripe account belong together.

Reading it is cheap and changes nothing, so that DAG files may do it. Each problem is one sentence that names the file, the
setting and the way out.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from stripe_sync.core.config import flat_settings
from stripe_sync.core.config.settings_rules import problems, shared_account
from stripe_sync.core.decoding import typed
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.settings import Environment


def path_from(environ: Mapping[str, str]) -> Path:
    """Return ``STRIPE_SYNC_CONFIG``, else environments.toml in the working folder."""
    return Path(environ.get("STRIPE_SYNC_CONFIG", "environments.toml"))


def load(path: Path | None = None) -> dict[str, Environment]:
    """Return all environments by name. Raises ConfigurationError; warns once of a file in the flat form."""
    path = path or path_from(os.environ)
    tables = tables_of(path)
    found = {name: flat_settings.new_form(f"{path}: environments.{name}", table) for name, table in tables.items()}
    flat_settings.warn_of(path, {name: form for name, form in found.items() if form.old_names})
    named = {name: read(path, name, form.table) for name, form in found.items()}
    for environment in named.values():
        check(path, environment)
    if why := shared_account(named.values()):
        raise ConfigurationError(f"{path}: {why}")
    return named


def readable(path: Path | None = None) -> dict[str, Environment]:
    """Return the same; nothing if the file cannot be read: the DAG file of reconcile is the one that says why."""
    try:
        return load(path)
    except ConfigurationError:
        return {}


def environment(name: str, path: Path | None = None) -> Environment:
    """Return one environment. Raises ConfigurationError, naming those that exist."""
    environments = load(path)
    if name not in environments:
        raise ConfigurationError(f"There is no environment {name}; declared are {', '.join(sorted(environments))}.")
    return environments[name]


def tables_of(path: Path) -> dict[str, dict[str, Any]]:
    """Return the table of each environment as the file has it. Raises ConfigurationError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no settings file {path}: copy environments.example.toml, or set STRIPE_SYNC_CONFIG to yours."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from None
    tables = document.get("environments")
    if not isinstance(tables, dict) or not tables:
        raise ConfigurationError(f"{path} declares no environment; add a table [environments.NAME].")
    for name in document.keys() - {"environments"}:
        raise ConfigurationError(f"{path}: there is no table {name}; everything stands under [environments.NAME].")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigurationError(f"{path}: environments.{name} must be a table; write [environments.{name}].")
    return tables


def read(path: Path, name: str, table: Mapping[str, Any]) -> Environment:
    """Return one table as an environment. Raises ConfigurationError, naming the setting."""
    try:
        return msgspec.structs.replace(typed(table, Environment), name=name)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        where = f"environments.{name}{place.rstrip('`')}"
        raise ConfigurationError(f"{path}: {where}: {message[:1].lower()}{message[1:]}.") from None


def check(path: Path, environment: Environment) -> None:
    """Check rules that types cannot state. Raises ConfigurationError with the first that is broken."""
    for setting, why in problems(environment):
        raise ConfigurationError(f"{path}: environments.{environment.name}{setting and '.'}{setting}: {why}")
