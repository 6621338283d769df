"""The wheel, installed in a bare environment, plans from an empty directory: SQL and expectations travel with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.builder import ACCOUNT, WorldBuilder
from stripe_sync.warehouse.embedded import server
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
ROOT = Path(__file__).parent.parent.parent
UV = Path(sys.executable).parent / "uv"


def run(*command: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "UV_PYTHON_DOWNLOADS": "never", "UV_OFFLINE": "1"} | env
    bare |= {name: value for name, value in os.environ.items() if name in ("UV_CACHE_DIR", "XDG_CACHE_HOME")}
    return subprocess.run(command, cwd=cwd, env=bare, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    made = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    assert made.returncode == 0, made.stderr
    return next(folder.glob("*.whl"))


def install(wheel: Path, bare: Path, cwd: Path) -> None:
    """An environment with the wheel and the locked libraries, and without the checkout.

    The libraries are those of this environment, by a path line: Python follows it, and not the editable install in it.
    """
    assert run(UV, "venv", "--quiet", "--python", sys.executable, bare, cwd=cwd).returncode == 0
    done = run(UV, "pip", "install", "--quiet", "--no-deps", wheel, cwd=cwd, VIRTUAL_ENV=str(bare))
    assert done.returncode == 0, done.stderr
    packages = next((bare / "lib").glob("python3*/site-packages"))
    (packages / "locked.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    where = run(bare / "bin" / "python", "-c", "import stripe_sync; print(stripe_sync.__file__)", cwd=cwd)
    assert where.stdout.startswith(str(packages)), where.stdout + where.stderr


def test_the_wheel_carries_what_the_package_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("sql", "expectations"):
        files = {p.relative_to(ROOT).as_posix() for p in (ROOT / folder).rglob("*") if p.suffix in (".sql", ".json")}
        assert {f"stripe_sync/carried/{name}" for name in files} <= names
    assert "stripe_sync/reporting/templates/finance.html" in names
    assert not any(name.startswith(("sandbox", "tests", "demo")) for name in names)


def test_it_plans_from_an_empty_directory(
    harness_of: Build, small_world: WorldBuilder, wheel: Path, tmp_path: Path
) -> None:
    harness = harness_of(small_world)
    bare, empty = tmp_path / "bare", tmp_path / "empty"
    empty.mkdir()
    install(wheel, bare, tmp_path)
    settings = tmp_path / "environments.toml"
    settings.write_text(f'[environments.test]\nstripe_account = "{ACCOUNT}"\naccount_rate = 10000\n', encoding="utf-8")
    planned = run(
        bare / "bin" / "stripe-sync", "plan", "test", "--json", cwd=empty,
        STRIPE_SYNC_CONFIG=str(settings),
        STRIPE_SYNC_STATE=str(tmp_path / "state"),
        STRIPE_SYNC_CLOCK=f"{harness.stripe_url}/_world/clock",
        AIRFLOW_CONN_STRIPE_DEFAULT=json.dumps({"conn_type": "stripe", "password": "sk_test_sandbox", "host": harness.stripe_url}),
        AIRFLOW_CONN_STIGG_DEFAULT=json.dumps({"conn_type": "stigg", "password": "server-sandbox", "host": harness.stigg_url}),
        AIRFLOW_CONN_STRIPE_SYNC_TEST=json.dumps({"conn_type": "generic", "password": "s"}),
    )  # fmt: skip
    server.forget(tmp_path / "state")
    assert planned.returncode == 2, planned.stderr
    assert len(json.loads(planned.stdout)["actions"]) == 17
    assert list(empty.iterdir()) == []
