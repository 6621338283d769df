"""The flat form of settings: read until the next release, with one warning a file that prints the new form."""

from __future__ import annotations

import json
import tomllib
import warnings
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stripe_sync.core.config import settings
from stripe_sync.core.config.flat_settings import NEW_NAMES, FlatSettingsWarning
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.settings import TABLES, Environment
from tests.unit.core.config.test_settings import GOOD, written

# A file of before, with a setting of each kind: texts, numbers, flags, lists and tables.
FLAT = """
[environments.staging]
stripe_account = "acct_1"
modes = { catalog = "enforce", usage = "propose" }
stripe_feed = false
usage_schedule = "*/5 * * * *"
usage_meters = { calls = { meter = "mtr_1", decimals = 2 }, "api calls" = { meter = "mtr_2" } }
reset_point = "before"
hold_hours = 12
plan_at_most = 100
rate_share = 0.5
alert_emails = ["billing@example.com"]
report_names = true
stigg_entity_url = "https://stigg.test/{id}"
[environments.staging.limits]
due_now = { usd = "1000" }
"""
NEW = """\
[environments.staging]
stripe_account = "acct_1"
modes = { catalog = "enforce", usage = "propose" }
max_plan_size = 100

[environments.staging.usage]
schedule = "*/5 * * * *"
meters = { calls = { meter = "mtr_1", decimals = 2 }, "api calls" = { meter = "mtr_2" } }
reset_semantics = "before"
hold_hours = 12

[environments.staging.stripe]
feed = false
rate_limit_share = 0.5

[environments.staging.stigg]
entity_url = "https://stigg.test/{id}"

[environments.staging.report]
names = true

[environments.staging.alerts]
emails = ["billing@example.com"]

[environments.staging.limits]
due_now = { usd = "1000" }
"""


def load_with_warning(path: Path) -> tuple[dict[str, Environment], str]:
    with pytest.warns(FlatSettingsWarning) as caught:
        found = settings.load(path)
    assert len(caught) == 1
    return found, str(caught[0].message)


def test_the_warning_prints_the_new_form_which_means_the_same(tmp_path: Path) -> None:
    old, text = load_with_warning(written(tmp_path, FLAT))
    head, _, tables = text.partition("\n\n")
    assert tables == NEW
    assert "environments.staging: stripe_feed, usage_schedule, usage_meters" in head
    assert "the next release does not read" in head
    new = settings.load(written(tmp_path, tables))
    assert new == old
    assert msgspec.json.encode(new) == msgspec.json.encode(old), "the hash of what a comparison depends on is the same"
    assert (new["staging"].usage.hold_hours, new["staging"].usage.meters["calls"].decimals) == (12, 2)


def test_a_file_is_warned_of_once(tmp_path: Path) -> None:
    path = written(tmp_path, FLAT)
    load_with_warning(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settings.load(path)


def test_one_warning_names_each_environment_of_the_file(tmp_path: Path) -> None:
    other = FLAT.replace("staging", "production").replace("acct_1", "acct_2")
    third = GOOD.replace("production", "new").replace("acct_1", "acct_3")
    _, text = load_with_warning(written(tmp_path, FLAT + other + third))
    assert text.count("stripe_feed") == 2
    assert "[environments.production.usage]" in text
    assert "[environments.new]" not in text, "a table in the new form stays as it is"


# The settings of before the tables, each with a value other than its default.
VALUES: dict[str, Any] = {
    "test_clock": "clock_1",
    "native_integration": "removed",
    "days_until_due": 3,
    "late_start_hours": 4,
    "backdated_start": "start",
    "billing_name_key": "a",
    "billing_address_key": "b",
    "tax": True,
    "tax_behavior": "exclusive",
    "tax_code": "txcd_1",
    "usage_schedule": "0 * * * *",
    "usage_interval_minutes": 3,
    "usage_aggregation": {"calls": "max"},
    "usage_meters": {"calls": {"meter": "mtr_1"}},
    "usage_reads_per_minute": 5,
    "reset_point": "before",
    "alert_webhook": "chat",
    "alert_emails": ["a@b.test"],
    "report_schedule": "1 * * * *",
    "report_path": "s3://a",
    "report_emails": ["c@d.test"],
    "report_names": True,
    "hold_hours": 5,
    "hold_by_auto_advance": True,
    "upgrade_proration": "none",
    "downgrade_proration": "none",
    "end_proration": "none",
    "stigg_page_size": 5,
    "stigg_rate_share": 0.1,
    "stigg_entity_url": "x",
    "stripe_dashboard_url": "y",
    "stripe_feed": False,
    "stigg_feed": False,
    "stigg_scan_minutes": 6,
    "stigg_event_logs": True,
    "write_pool": "p",
    "write_billing_id": True,
    "full_read_hours": 7,
    "shares_account": True,
    "rate_share": 0.2,
    "endpoint_rate": 8.0,
    "account_rate": 9.0,
    "readers": 10,
    "plan_at_most": 11,
    "monthly_reads": 12,
    "reads_share": 0.3,
}


def test_each_setting_of_before_is_read_and_has_one_place() -> None:
    assert set(VALUES) == set(NEW_NAMES)
    assert len(set(NEW_NAMES.values())) == len(NEW_NAMES)
    fields = {field.name for field in msgspec.structs.fields(Environment)}
    assert not fields & set(NEW_NAMES), "a name of the flat form is no name of the new one in the same place"


@pytest.mark.parametrize("name", VALUES)
def test_a_flat_setting_is_the_one_of_its_table(tmp_path: Path, name: str) -> None:
    inside, new = NEW_NAMES[name]
    also = {"tax_behavior", "tax_code"} if name == "tax" else set()
    lines = "".join(f"{key} = {toml(VALUES[key])}\n" for key in (name, *also))
    found, text = load_with_warning(written(tmp_path, GOOD + lines))
    environment = found["production"]
    place = getattr(environment, inside) if inside else environment
    default = getattr(TABLES[inside](), new) if inside else getattr(Environment("acct_1"), new)
    assert msgspec.to_builtins(getattr(place, new)) != msgspec.to_builtins(default)
    printed = tomllib.loads(text.partition("\n\n")[2])["environments"]["production"]
    assert (printed[inside] if inside else printed)[new] == VALUES[name]


@pytest.mark.parametrize("name", VALUES)
def test_both_forms_of_a_setting_are_refused(tmp_path: Path, name: str) -> None:
    inside, new = NEW_NAMES[name]
    place = f"{inside}.{new}" if inside else new
    path = written(tmp_path, GOOD + f"{name} = {toml(VALUES[name])}\n{place} = {toml(VALUES[name])}\n")
    with pytest.raises(ConfigurationError) as refused:
        settings.load(path)
    assert str(refused.value) == (
        f"{path}: environments.production.{name}: {place} is set as well, which is the same setting; remove {name}."
    )


def toml(value: Any) -> str:
    """Return a value as TOML, by another way than the package's."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)
