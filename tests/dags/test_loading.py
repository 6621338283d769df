"""Loading by Airflow: DAG files that parse quickly, the plugin, and connections from Airflow."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import Harness

# Airflow itself warns while it is imported and run; our own warnings are errors in the other groups.
pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.filterwarnings("default")]
ROOT = Path(__file__).parent.parent.parent


def parse(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=os.environ | env, capture_output=True, text=True, check=False
    )


def test_parsing_imports_nothing_heavy_and_reads_no_connection() -> None:
    code = f"""
import airflow.sdk, sys, importlib.util, pathlib
for file in sorted(pathlib.Path(r"{ROOT}/dags").glob("*.py")):
    spec = importlib.util.spec_from_file_location(file.stem, file)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(sorted({{"great_expectations", "pandas", "stripe", "psycopg", "alembic"}} & set(sys.modules)))
print(sorted(m for m in sys.modules if m.startswith("stripe_sync.") and not m.startswith("stripe_sync.interfaces.airflow")))
"""
    done = parse(code)
    heavy, ours = done.stdout.splitlines()
    assert heavy == "[]", done.stderr
    assert set(json.loads(ours.replace("'", '"'))) == {
        "stripe_sync.core.errors", "stripe_sync.core.settings", "stripe_sync.core.decoding", "stripe_sync.core",
        "stripe_sync.core.lanes", "stripe_sync.core.reasons",
        "stripe_sync.core.approval_state", "stripe_sync.core.config",
        *(f"stripe_sync.core.config.{name}" for name in ("settings", "settings_rules", "flat_settings", "toml_text")),
        "stripe_sync.interfaces", "stripe_sync.jobs", "stripe_sync.jobs.runtime", "stripe_sync.jobs.runtime.step_list",
        *(f"stripe_sync.jobs.{job}" for job in ("reconcile", "usage", "finance", "checkout")),
        *(f"stripe_sync.jobs.{job}.job" for job in ("reconcile", "usage", "finance", "checkout")),
    }  # fmt: skip


def test_a_dag_file_calls_its_factory_and_nothing_else() -> None:
    for file in (ROOT / "dags").glob("*.py"):
        body = ast.parse(file.read_text(encoding="utf-8")).body
        assert [type(node).__name__ for node in body] == ["Expr", "ImportFrom", "Expr"], file


def test_one_call_makes_every_dag_and_the_public_names_are_these(bag: Any, tmp_path: Path) -> None:
    from airflow.dag_processing.dagbag import DagBag

    import stripe_sync.airflow as public

    assert public.__all__ == sorted(public.__all__)
    assert set(public.__all__) == {
        "WebhookNotifier", "stripe_sync_dags", "configuration_dags",
        *(f"{file.stem}_dags" for file in (ROOT / "dags").glob("*.py") if not file.stem.startswith("stripe_sync")),
    }  # fmt: skip
    assert all(callable(getattr(public, name)) for name in public.__all__)
    (tmp_path / "all.py").write_text(
        "from stripe_sync.airflow import stripe_sync_dags\n\nstripe_sync_dags()\n", "utf-8"
    )
    made = DagBag(tmp_path, bundle_name="dags-folder")
    assert made.import_errors == {}
    assert set(made.dags) == set(bag.dags)
    assert {dag.fileloc for dag in made.dags.values()} == {str(tmp_path / "all.py")}


def test_a_malformed_settings_file_is_one_import_error_with_its_own_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "environments.toml"
    broken.write_text("[environments.production]\nlive = true\n", encoding="utf-8")
    code = f"""
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(r"{ROOT}/dags", bundle_name="dags-folder")
print(len(bag.import_errors), sorted(bag.dags))
print(list(bag.import_errors.values())[0].strip().splitlines()[-1])
"""
    done = parse(code, STRIPE_SYNC_CONFIG=str(broken))
    counts, message = done.stdout.strip().splitlines()[-2:]
    assert counts == "1 ['stripe_sync_configuration']", done.stderr
    assert message.endswith(
        f"ConfigurationError: {broken}: environments.production: object missing required field `stripe_account`."
    )


def test_the_configuration_dag_fails_with_the_same_sentence(
    bag: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert str(bag.dags["stripe_sync_configuration"].test().state) == "success"
    monkeypatch.setenv("STRIPE_SYNC_CONFIG", str(tmp_path / "none.toml"))
    assert str(bag.dags["stripe_sync_configuration"].test().state) == "failed"
    assert "There is no settings file" in "".join(capfd.readouterr())


def test_the_plugins_loader_executes_the_shim_alone() -> None:
    """Without plugins/.airflowignore the loader runs every module under its bare stem, and ours could replace others."""
    code = """
import sys, types, stripe
from airflow import plugins_manager
plugins_manager.ensure_plugins_loaded() if hasattr(plugins_manager, "ensure_plugins_loaded") else plugins_manager._get_plugins()
bare = {"errors", "settings", "money", "keys", "marker", "clock", "client", "builder", "embedded", "reconcile"}
print(sorted(bare & set(sys.modules)))
print(sys.modules["types"] is types, sys.modules["stripe"] is stripe)
import stripe_sync.interfaces.airflow.plugin as ours
print(ours.StripeSyncPlugin.name)
"""
    done = parse(code)
    assert done.stdout.strip().splitlines()[-3:] == ["[]", "True True", "stripe_sync"], done.stderr
    assert (ROOT / "plugins" / ".airflowignore").read_text(encoding="utf-8") == "stripe_sync/\n"


def test_airflow_lists_the_plugin_once_and_both_connection_forms() -> None:
    code = """
from airflow import plugins_manager
from airflow.providers_manager import ProvidersManager
plugins, errors = plugins_manager._get_plugins()
print([p.name for p in plugins].count("stripe_sync"), errors)
print(sorted(set(ProvidersManager().hooks) & {"stripe", "stigg"}))
from stripe_sync.interfaces.airflow.hooks import StripeHook, StiggHook
print(StripeHook.conn_type, StiggHook.conn_type)
"""
    done = parse(code)
    assert done.stdout.strip().splitlines()[-3:] == ["1 {}", "['stigg', 'stripe']", "stripe stigg"], (
        done.stderr + done.stdout
    )


URIS = [
    "stripe://:rk_test_abc@",
    "stripe://:rk%2Ftest%40x@api.test:8443",
    "stripe://http://login:secret@127.0.0.1:12111",
    "stripe://http://:key@127.0.0.1:12111/schema?a=1&b=text&c=%7B%22d%22%3A2%7D",
    "my-type://:k@Host.Example/?__extra__=%7B%22accepted%22%3A%5B%22old%22%5D%7D",
    "generic://:only-secret@",
    "stigg://server-key@api.test",
    "postgresql://u:p@h:5432/db",
]


@pytest.mark.parametrize("uri", URIS)
def test_a_uri_is_read_as_airflow_reads_it(uri: str) -> None:
    from airflow.models.connection import Connection

    from stripe_sync.core.config.connections import parse as ours

    theirs, mine = Connection(conn_id="x", uri=uri), ours("x", uri)
    texts = (theirs.host, theirs.schema, theirs.login, theirs.password)
    expected = (*(text or None for text in texts), theirs.port, theirs.extra_dejson)
    assert (mine.host, mine.schema, mine.login, mine.password, mine.port, mine.extra) == expected
    assert mine.type == theirs.conn_type


@pytest.mark.parametrize("uri", ["stripe://login:secret@http://127.0.0.1", "a://b://c://d"])
def test_what_airflow_refuses_is_refused(uri: str) -> None:
    from stripe_sync.core.config.connections import parse as ours
    from stripe_sync.core.errors import ConfigurationError

    with pytest.raises(ConfigurationError) as refused:
        ours("x", uri)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        {"conn_type": "stripe", "password": "rk_test_abc"},
        {"conn_type": "stripe", "password": "x", "host": "http://127.0.0.1:5", "port": 5, "login": "l", "schema": "s"},
        {"conn_type": "generic", "password": "x", "extra": {"accepted": ["a"]}},
        {"conn_type": "generic", "password": "x", "extra": '{"accepted": ["a"]}'},
        {"conn_type": "stigg", "password": "x", "port": "8080"},
    ],
)
def test_json_is_read_as_airflow_reads_it(given: dict[str, Any]) -> None:
    from airflow.models.connection import Connection

    from stripe_sync.core.config.connections import parse as ours

    theirs, mine = Connection.from_json(json.dumps(given), conn_id="x"), ours("x", json.dumps(given))
    assert (mine.type, mine.host, mine.schema, mine.login, mine.password, mine.port, dict(mine.extra)) == (
        theirs.conn_type, theirs.host, theirs.schema, theirs.login, theirs.password, theirs.port, theirs.extra_dejson
    )  # fmt: skip


def test_the_hooks_test_their_connections(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    from stripe_sync.core.errors import ConfigurationError
    from stripe_sync.interfaces.airflow.hooks import StiggHook, StripeHook, connection_of

    assert StripeHook().test_connection() == (True, "Account acct_1SANDBOX000000001")
    assert StiggHook().test_connection() == (True, "Environment sandbox")
    wrong = {"conn_type": "stripe", "password": "sk_test_wrong", "host": harness.stripe_url}
    monkeypatch.setenv("AIRFLOW_CONN_STRIPE_DEFAULT", json.dumps(wrong))
    ok, why = StripeHook().test_connection()
    assert not ok
    assert "not accept the key" in why
    assert "sk_test_wrong" not in why
    with pytest.raises(ConfigurationError, match="Connection nobody not found"):
        connection_of("nobody")
