"""The flat form of settings, which is read until the next release: prefixes and older names instead of tables.

Names of an environment's table are moved to their tables; a file that needed it gets one warning with its new form.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from stripe_sync.core.config import toml_text
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.settings import TABLES, Environment

# Names that only moved into a table.
KEPT_NAMES: dict[str, tuple[str, ...]] = {
    "usage": ("hold_hours", "hold_by_auto_advance"),
    "stripe": (
        "test_clock",
        "readers",
        "monthly_reads",
        "endpoint_rate",
        "account_rate",
        "write_pool",
        "tax",
        "tax_behavior",
        "tax_code",
        "days_until_due",
        "late_start_hours",
        "backdated_start",
        "upgrade_proration",
        "downgrade_proration",
        "end_proration",
    ),
    "stigg": ("native_integration", "write_billing_id", "billing_name_key", "billing_address_key"),
}

# Where a name of the flat form stands now: the table, "" for the environment's own, and the name in it.
NEW_NAMES: dict[str, tuple[str, str]] = {
    "full_read_hours": ("", "full_sync_interval_hours"),
    "plan_at_most": ("", "max_plan_size"),
    "usage_schedule": ("usage", "schedule"),
    "usage_interval_minutes": ("usage", "interval_minutes"),
    "usage_aggregation": ("usage", "aggregation"),
    "usage_meters": ("usage", "meters"),
    "usage_reads_per_minute": ("usage", "reads_per_minute"),
    "reset_point": ("usage", "reset_semantics"),
    "stripe_feed": ("stripe", "feed"),
    "reads_share": ("stripe", "max_read_quota_share"),
    "rate_share": ("stripe", "rate_limit_share"),
    "shares_account": ("stripe", "allow_shared_account"),
    "stripe_dashboard_url": ("stripe", "dashboard_url"),
    "stigg_feed": ("stigg", "feed"),
    "stigg_scan_minutes": ("stigg", "scan_minutes"),
    "stigg_event_logs": ("stigg", "event_logs"),
    "stigg_page_size": ("stigg", "page_size"),
    "stigg_rate_share": ("stigg", "rate_limit_share"),
    "stigg_entity_url": ("stigg", "entity_url"),
    "report_schedule": ("report", "schedule"),
    "report_path": ("report", "path"),
    "report_emails": ("report", "emails"),
    "report_names": ("report", "names"),
    "alert_webhook": ("alerts", "webhook"),
    "alert_emails": ("alerts", "emails"),
    **{name: (inside, name) for inside, names in KEPT_NAMES.items() for name in names},
}

REMOVED = ("cancel_invoice_now", "cancel_prorate")
CANCELED_ALWAYS = (
    "a subscription is always canceled with invoice_now=false and prorate=false, and what is owed is billed by lines of "
    "the pipeline; remove the setting."
)


class FlatSettingsWarning(FutureWarning):
    """A settings file has names of the flat form."""


@dataclass(frozen=True)
class NewForm:
    """An environment's table in the new form, and the names of the flat form that it was written with."""

    table: dict[str, Any]
    old_names: tuple[str, ...]


def new_form(where: str, table: Mapping[str, Any]) -> NewForm:
    """Return a table in the new form. ``where`` is the file and the environment, for messages.

    Raises ConfigurationError for a name that no table has, that stands in the wrong table, or that stands in both forms.
    """
    found: dict[str, Any] = {name: value for name, value in table.items() if name not in NEW_NAMES}
    for name in TABLES.keys() & found.keys():
        if not isinstance(found[name], dict):
            raise ConfigurationError(f"{where}.{name}: it must be a table with settings; write {name} = {{ ... }}.")
        found[name] = dict(found[name])
    refuse_unknown(where, found)
    old_names = tuple(name for name in table if name in NEW_NAMES)
    for old in old_names:
        inside, name = NEW_NAMES[old]
        place = found.setdefault(inside, {}) if inside else found
        if name in place:
            raise ConfigurationError(
                f"{where}.{old}: {shown(inside, name)} is set as well, which is the same setting; remove {old}."
            )
        place[name] = table[old]
    return NewForm(found, old_names)


def refuse_unknown(where: str, table: Mapping[str, Any]) -> None:
    """Refuse names that their table does not have. Raises ConfigurationError, naming the right place if there is one."""
    for name in (name for name in REMOVED if name in table):
        raise ConfigurationError(f"{where}.{name}: {CANCELED_ALWAYS}")
    for inside, given in {"": table, **{name: table[name] for name in TABLES if name in table}}.items():
        for name in given.keys() - names_of(inside):
            raise ConfigurationError(f"{where}.{shown(inside, name)}: unknown field `{name}`; {way_out(inside, name)}")


def way_out(inside: str, name: str) -> str:
    """Return the way out for a name that a table does not have: its right place, the nearest name, or its removal."""
    names = [NEW_NAMES[name]] if name in NEW_NAMES else []
    names = names or [(other, name) for other in ("", *TABLES) if other != inside and name in names_of(other)]
    if names:
        return f"write it as {' or '.join(shown(*place) for place in names)}."
    near = difflib.get_close_matches(name, names_of(inside), n=1)
    return f"did you mean {shown(inside, near[0])}?" if near else "correct its name or remove it."


@cache
def names_of(inside: str) -> frozenset[str]:
    """Return the names of a table's settings; "" is the environment's own table."""
    return frozenset(field.encode_name for field in msgspec.structs.fields(TABLES[inside] if inside else Environment))


def shown(inside: str, name: str) -> str:
    """Return a setting's name below the environment's table, such as ``usage.hold_hours``."""
    return f"{inside}.{name}" if inside else name


def warn_of(path: Path, environments: Mapping[str, NewForm]) -> None:
    """Warn of a file with names of the flat form, once in a process, and print the tables to paste."""
    if not environments:
        return
    names = "; ".join(f"environments.{name}: {', '.join(found.old_names)}" for name, found in environments.items())
    tables = "\n".join(toml_text.table(("environments", name), found.table) for name, found in environments.items())
    _warn_once(
        f"{path} has settings in the flat form, which the next release does not read ({names}). Replace the tables of "
        f"these environments with:\n\n{tables}"
    )


@cache
def _warn_once(text: str) -> None:
    warnings.warn(text, FlatSettingsWarning, stacklevel=4)
