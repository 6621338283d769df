"""Airflow in one worker: its home is made, and its environment set, before Airflow is imported anywhere."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios import conftest as scenarios
from tests.support import shell
from tests.support.harness import build_small_world, built

ROOT = Path(__file__).parent.parent.parent
HOME = Path(tempfile.mkdtemp(prefix="stripe_sync-airflow-"))
TOML = shell.TOML + shell.ENFORCE + 'schedule = "*/15 * * * *"\ntags = ["finance"]\n' + shell.LIMITS
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
    scenarios.pytest_configure(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(HOME, ignore_errors=True)
    scenarios.pytest_unconfigure(config)


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
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A harness whose connections are in the environment, as Airflow reads them."""
    with built(build_small_world(), tmp_path) as made:
        for name, value in shell.environ(made, TOML).items():
            if name.startswith(("AIRFLOW_CONN_", "STRIPE_SYNC_")):
                monkeypatch.setenv(name, value)
        yield made
