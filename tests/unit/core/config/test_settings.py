"""Reading environments.toml: tables, defaults, and one sentence for each mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stripe_sync.core.config import settings
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.core.lanes import LANES

GOOD = '[environments.production]\nstripe_account = "acct_1"\n'
ROOT = Path(__file__).parents[4]


def written(folder: Path, text: str) -> Path:
    path = folder / "environments.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[environments", "is not valid TOML"),
        ("", "declares no environment"),
        ("[enviroments.production]\nlive = true\n", "declares no environment"),
        (GOOD + "[defaults]\n", "there is no table defaults"),
        ("[environments]", "declares no environment"),
        (
            "environments = { production = 1 }",
            "environments.production must be a table; write [environments.production]",
        ),
        ("[environments.production]\n", "missing required field `stripe_account`"),
        (GOOD + "modus = 1\n", "environments.production.modus: unknown field `modus`; did you mean modes?"),
        (
            GOOD + "colour = 1\n",
            "environments.production.colour: unknown field `colour`; correct its name or remove it",
        ),
        (
            GOOD + "feed = false\n",
            "environments.production.feed: unknown field `feed`; write it as stripe.feed or stigg.feed",
        ),
        (
            GOOD + "stigg.meters = {}\n",
            "environments.production.stigg.meters: unknown field `meters`; write it as usage.meters",
        ),
        (GOOD + "report.webhook = 'x'\n", "unknown field `webhook`; write it as alerts.webhook"),
        (GOOD + "usage.usage_schedule = ''\n", "unknown field `usage_schedule`; write it as usage.schedule"),
        (GOOD + "usage.stripe_account = ''\n", "unknown field `stripe_account`; write it as stripe_account"),
        (GOOD + "usage.hold_hour = 1\n", "usage.hold_hour: unknown field `hold_hour`; did you mean usage.hold_hours?"),
        (GOOD + "limits.day_action = 1\n", "did you mean limits.day_actions?"),
        (GOOD + "usage = 1\n", "environments.production.usage: it must be a table with settings"),
        (GOOD + 'live = "yes"\n', "environments.production.live"),
        (GOOD + 'usage.hold_hours = "long"\n', "environments.production.usage.hold_hours: expected `int`, got `str`"),
        (GOOD + 'modes = { catalog = "bold" }\n', "environments.production.modes"),
        (GOOD + 'modes = { katalog = "observe" }\n', "no such lane; lanes are catalog"),
        (GOOD + "cancel_invoice_now = true\n", "cancel_invoice_now: a subscription is always canceled with"),
        (GOOD + "cancel_prorate = false\n", "cancel_prorate: a subscription is always canceled with"),
        (GOOD + "max_plan_size = 0\n", "max_plan_size: it is a number of differences, 1 and more"),
        (GOOD + "stripe.rate_limit_share = 2\n", "stripe.rate_limit_share: it must be above 0 and at most 1"),
        (GOOD + "stigg.rate_limit_share = 0\n", "stigg.rate_limit_share: it must be above 0 and at most 1"),
        (GOOD + "stigg.scan_minutes = 61\n", "stigg.scan_minutes: 0 (every run) to 60"),
        (GOOD + "stripe.endpoint_rate = 0\n", "stripe.endpoint_rate: it is requests a second"),
        (GOOD + "stripe.account_rate = -1\n", "stripe.account_rate: it is requests a second"),
        (GOOD + "stripe.tax = true\n", "stripe.tax: with tax on, set tax_behavior"),
        (GOOD + "usage.hold_hours = 0\n", "usage.hold_hours: it is a whole number, 1 and more"),
        (GOOD + "usage.reads_per_minute = 0\n", "usage.reads_per_minute: it is a whole number"),
        (GOOD + 'usage.meters.calls = { meter = "m" }\n', "usage.meters.calls: give a meter of Stripe"),
        (GOOD + 'limits = { due_now = { usd = "lots" } }\n', "limits.due_now: it is amounts in major units"),
        (GOOD.replace("acct_1", "1"), "such as acct_1Abc"),
        (GOOD.replace("production", '"a b"'), "letters, digits"),
        (GOOD + GOOD.replace("production", "staging"), "use the same Stripe account"),
    ],
)
def test_bad_settings_are_one_sentence_that_names_the_file_and_the_place(tmp_path: Path, text: str, words: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as refused:
        settings.load(path)
    message = str(refused.value)
    assert words in message
    assert str(path) in message
    assert "\n" not in message.strip() or "TOML" in message


def test_settings_that_are_not_there_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="STRIPE_SYNC_CONFIG"):
        settings.load(tmp_path / "none.toml")


def test_an_unknown_environment_names_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="declared are production"):
        settings.environment("staging", written(tmp_path, GOOD))


def test_everything_is_observed_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    environment = settings.environment("production", written(tmp_path, GOOD))
    assert {environment.mode(lane) for lane in LANES} == {"observe"}
    assert environment.limits.money("due_now") == {}


def test_two_environments_may_share_an_account_if_both_say_so(tmp_path: Path) -> None:
    both = GOOD + "stripe.allow_shared_account = true\n"
    path = written(tmp_path, both + both.replace("production", "staging"))
    assert set(settings.load(path)) == {"production", "staging"}


def test_a_file_that_cannot_be_read_has_no_environments_for_dag_files(tmp_path: Path) -> None:
    assert settings.readable(written(tmp_path, "[environments")) == {}


@pytest.mark.parametrize("name", ["environments.example.toml", "demo/environments.toml"])
def test_the_projects_own_files_are_in_the_new_form(name: str) -> None:
    assert settings.load(ROOT / name)  # a warning would be an error


def test_each_line_of_the_example_is_a_setting_with_its_comment_sign_removed(tmp_path: Path) -> None:
    """The commented lines are settings too: with the sign removed, the file is read without a warning."""
    text = (ROOT / "environments.example.toml").read_text(encoding="utf-8")
    found = settings.load(written(tmp_path, re.sub(r"^# (?=[a-z_]+ = )", "", text, flags=re.MULTILINE)))["staging"]
    assert (found.usage.meters["calls"].meter, found.alerts.webhook, found.stripe.tax) == (
        "mtr_1Abc",
        "billing_chat",
        True,
    )
