"""Airflow in one worker: its home is made, and its environment set, before Airflow is imported anywhere."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
HOME = Path(tempfile.mkdtemp(prefix="stripe_sync-airflow-"))
TOML = """
[environments.test]
stripe_account = "acct_1SANDBOX000000001"
endpoint_rate = 10000
account_rate = 10000
rate_share = 1.0
schedule = "*/15 * * * *"
tags = ["finance"]
modes = { catalog = "enforce", customers = "enforce", subscriptions = "enforce" }
[environments.test.limits]
actions = 100
due_now = { usd = "9999" }
per_month = { usd = "9999" }
"""
(HOME / "environments.toml").write_text(TOML, encoding="utf-8")
os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "STRIPE_SYNC_CONFIG": str(HOME / "environments.toml"),
    }
)


def pytest_configure(config: pytest.Config) -> None:
    from tests import warehouses

    if not hasattr(config, "workerinput"):
        warehouses.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    import shutil

    from tests import warehouses

    shutil.rmtree(HOME, ignore_errors=True)
    if not hasattr(config, "workerinput"):
        warehouses.stop()


@pytest.fixture(scope="session")
def bag() -> Any:
    """The project's DAGs, parsed from dags/ and known to a migrated database of Airflow's."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.utils.db import initdb

    initdb()
    DagBundlesManager().sync_bundles_to_db()
    found = DagBag(ROOT / "dags", bundle_name="dags-folder")
    sync_bag_to_db(found, "dags-folder", None)
    return found


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A house whose connections are in the environment, as Airflow reads them."""
    from sandbox.builder import WorldBuilder, flat, per_unit
    from tests.house import built

    town = WorldBuilder()
    town.product("acme", "Acme")
    town.feature("seats", "Seats")
    town.plan("pro", "Pro", [flat(20), per_unit("seats", 5)])
    for number in (1, 2, 3):
        town.customer(f"c-{number}", f"Customer {number}", f"c{number}@example.test")
        town.subscription(f"s-{number}", f"c-{number}", "pro", units={"seats": number + 1})
    with built(town, tmp_path) as made:
        for name, value in {
            "STRIPE_DEFAULT": {"conn_type": "stripe", "password": "sk_test_sandbox", "host": made.stripe_url},
            "STIGG_DEFAULT": {"conn_type": "stigg", "password": "server-sandbox", "host": made.stigg_url},
            "STRIPE_SYNC_TEST": {"conn_type": "generic", "password": "a-secret"},
        }.items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(value))
        monkeypatch.setenv("STRIPE_SYNC_WAREHOUSE_URL", made.warehouse_url)
        monkeypatch.setenv("STRIPE_SYNC_CLOCK", f"{made.stripe_url}/_world/clock")
        monkeypatch.setenv("STRIPE_SYNC_REPORTS", str(tmp_path / "reports"))
        yield made
