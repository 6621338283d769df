"""Bad input through the real command: one clear message, exit 1, no traceback, nothing written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.builder import ACCOUNT, WorldBuilder, flat
from stripe_sync.jobs.setup.rights import RIGHTS
from tests.support.harness import Harness
from tests.support.shell import ENFORCE, LIMITS, TOML, command, environ

Build = Callable[[WorldBuilder], Harness]


def key(password: str, **more: Any) -> str:
    return json.dumps({"conn_type": "stripe", "password": password, **more})


def refusals(harness: Harness) -> Iterator[tuple[str, dict[str, str], str]]:
    """(what is wrong, the shell that has it, words of the message); each is set up when it is asked for."""
    url = harness.stripe_url
    yield (
        "a missing connection",
        environ(harness) | {"AIRFLOW_CONN_STRIPE_DEFAULT": ""},
        "AIRFLOW_CONN_STRIPE_DEFAULT",
    )
    yield ("an unreadable connection", environ(harness, AIRFLOW_CONN_STIGG_DEFAULT="{"), "AIRFLOW_CONN_STIGG_DEFAULT")
    yield ("a missing secret", environ(harness, AIRFLOW_CONN_STRIPE_SYNC_TEST=""), "AIRFLOW_CONN_STRIPE_SYNC_TEST")
    yield (
        "a wrong key",
        environ(harness, AIRFLOW_CONN_STRIPE_DEFAULT=key("sk_test_wrong", host=url)),
        "not accept the key",
    )
    harness.world.stripe_keys.append(
        {"key": "rk_test_narrow", "rights": [f"{r.noun}_read" for r in RIGHTS if r.noun != "coupon"]}
    )
    yield (
        "a key without a right",
        environ(harness, AIRFLOW_CONN_STRIPE_DEFAULT=key("rk_test_narrow", host=url)),
        "Grant it to the restricted key in Stripe: coupon_read",
    )
    yield (
        "a test key on a live environment",
        environ(harness, TOML + "live = true\n", STRIPE_SYNC_CLOCK=""),
        "has a test key",
    )
    yield ("the sandbox's clock on a live environment", environ(harness, TOML + "live = true\n"), "Unset it")
    yield (
        "another account's key",
        environ(harness, TOML.replace(ACCOUNT, "acct_other")),
        f"belongs to {ACCOUNT}",
    )
    yield (
        "an unreachable API",
        environ(harness, AIRFLOW_CONN_STIGG_DEFAULT=key("server-sandbox", host="http://127.0.0.1:9")),
        "Stigg does not answer",
    )
    yield ("a malformed settings file", environ(harness, "[environments.test"), "is not valid TOML")
    yield ("an unknown setting", environ(harness, TOML + "modez = 1\n"), "unknown field `modez`")
    yield ("an unknown environment", environ(harness, TOML.replace("test]", "other]")), "declared are other")
    yield (
        "a warehouse that does not answer",
        environ(harness, STRIPE_SYNC_WAREHOUSE_URL="postgresql+psycopg://u:hunter2@127.0.0.1:9/d"),
        "does not answer",
    )
    yield ("a warehouse of another kind", environ(harness, STRIPE_SYNC_WAREHOUSE_URL="sqlite:///x"), "is PostgreSQL")


def test_each_is_one_message_that_names_the_thing_and_nothing_is_written(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    for what, env, words in refusals(harness):
        done = command(env, "plan", "test")
        message = done.stderr.strip().splitlines()[-1]
        assert done.returncode == 1, (what, done.stderr)
        assert words in message, (what, message)
        assert message.startswith("stripe-sync: "), (what, message)
        assert "Traceback" not in done.stderr, (what, done.stderr)
        for secret in ("sk_test_wrong", "server-sandbox", "a-secret", "hunter2"):
            assert secret not in done.stderr + done.stdout, what
    assert harness.writes() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan"], "Missing argument 'ENV'"),
        (["plan", "test", "--colour"], "No such option"),
        (["fly", "test"], "No such command"),
        (["plan", "test", "--only", "unicorn"], "Unknown kind: unicorn"),
        (["apply", "test", "--plan", "0123456789abcdef"], "Plan 0123456789abcdef not found"),
        (["status", "test", "nobody"], "No entity of test has the id nobody"),
    ],
)
def test_usage_errors_exit_with_1(
    harness_of: Build, small_world: WorldBuilder, arguments: list[str], words: str
) -> None:
    done = command(environ(harness_of(small_world)), *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_exit_codes_of_plan_and_apply(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    env = environ(harness, TOML)
    assert command(env, "plan", "test").returncode == 2
    assert command(env, "apply", "test", "--yes").returncode == 2, "in observe everything waits"
    env = environ(harness, TOML + ENFORCE + LIMITS)
    planned = command(env, "plan", "test", "--json")
    assert planned.returncode == 2
    plan = json.loads(planned.stdout)
    assert len(plan["actions"]) == 17
    applied = command(env, "apply", "test", "--plan", plan["plan"], "--yes", "--json")
    assert applied.returncode == 0, applied.stderr
    result = json.loads(applied.stdout)
    assert (result["results"], result["plan"]) == ({"done": 17}, plan["plan"])
    quiet = command(env, "plan", "test", "--json")
    assert (quiet.returncode, json.loads(quiet.stdout)["actions"]) == (0, [])
    small_world.addon("support", "Support", [flat(12)], version=2)
    small_world.stigg["customers"][0]["name"] = "Renamed"
    small_world.stigg["subscriptions"][1]["prices"][1]["usageLimit"] = 9
    harness.merge(small_world)
    changed = command(env, "plan", "test", "--json")
    found = {
        (d["kind"], f["field"].partition(".")[0], f["before"], f["after"])
        for d in drift_of(changed)
        for f in d["fields"]
    }
    assert changed.returncode == 2
    assert len(drift_of(changed)) == 3
    assert found == {
        ("price", "unit_amount", "1000", "1200"),
        ("customer", "name", "Customer 1", "Renamed"),
        ("customer", "description", "Customer 1", "Renamed"),
        ("subscription", "items", "3", "9"),
    }
    text = command(env, "plan", "test").stdout
    assert text.startswith("3 differences\n")
    assert "    unit_amount: 1000 -> 1200\n" in text
    shown = command(env, "status", "test", "s-1", "--json")
    assert json.loads(shown.stdout)[0]["status"] == "SUCCESS"
    assert "last run" in command(env, "status", "test").stdout
    assert command(env, "connect", "test").returncode == 0
    files = sorted(p.name for p in (harness.folder / "reports" / "test" / "last-run").iterdir())
    assert files == ["drift.csv", "drift.xlsx", "index.html", "report.json", "summary.json"]


def drift_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done.stdout)["drift"]
    return found


def test_no_colours_where_there_is_no_terminal(harness_of: Build, small_world: WorldBuilder) -> None:
    done = command(environ(harness_of(small_world)), "connect", "test")
    assert "\x1b" not in done.stdout + done.stderr


def test_help_is_quick_and_needs_nothing(tmp_path: Path) -> None:
    done = command({"PATH": os.environ["PATH"]}, "plan", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "--customer" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_world_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    for text, words in [
        ("{", "not a JSON document"),
        ("{}", 'no object "stigg"'),
        ('{"stigg": {}, "stripe": {}}', 'no "clock"'),
        ('{"clock": "soon", "stigg": {}, "stripe": {}}', "is not a time"),
        ('{"clock": "2026-01-01T00:00:00", "stigg": {}, "stripe": {}}', "has no offset"),
        ('{"clock": 1, "stigg": {}, "stripe": {"custommers": []}}', "stripe.custommers: no such part"),
        ('{"clock": 1, "stigg": {"environment": {}}, "stripe": {"account": {}, "customers": [{}]}}', "needs an id"),
    ]:
        path = tmp_path / "world.json"
        path.write_text(text, encoding="utf-8")
        ports = ["--stripe-port", "0", "--stigg-port", "0"]
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", *ports, "--world", str(path)],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
