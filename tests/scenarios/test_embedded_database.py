"""The embedded PostgreSQL has one owner, which leaves nothing behind, and clears what a dead one left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from sandbox.builder import WorldBuilder
from stripe_sync.core.errors import ConfigurationError, NotReady
from stripe_sync.warehouse import engine
from stripe_sync.warehouse.embedded import binaries, paths, server
from tests.support.harness import Harness
from tests.support.shell import environ

SELECT = (
    "import os, psycopg; from sqlalchemy import create_engine, text; "
    "e = create_engine(os.environ['STRIPE_SYNC_WAREHOUSE_URL']); print(e.connect().execute(text('select 6 * 7')).scalar())"
)
SLEEP = "import os, time; print(os.environ['STRIPE_SYNC_WAREHOUSE_URL'], os.getpid(), flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    """Root's data lie outside the test's folder."""
    yield
    for state in (tmp_path, tmp_path / "closed" / "state"):
        server.forget(state)
        assert not paths.place_of(state).data.exists()


def under(state: Path, *command: str, **more: object) -> subprocess.Popen[str]:
    program = [sys.executable, "-m", "stripe_sync.warehouse.embedded.server", "--", *command]
    env = os.environ | {"STRIPE_SYNC_STATE": str(state)}
    return subprocess.Popen(program, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def servers(state: Path) -> list[int]:
    """The living PostgreSQL servers of a state folder."""
    data = str(paths.place_of(state).data).encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if data in (folder / "cmdline").read_bytes() and b"postgres" in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def test_it_runs_a_command_and_stops(tmp_path: Path) -> None:
    done = under(tmp_path, sys.executable, "-c", SELECT)
    out, err = done.communicate(timeout=60)
    assert (done.returncode, out.strip()) == (0, "42"), err
    assert servers(tmp_path) == []


def test_it_gives_the_commands_exit_status(tmp_path: Path) -> None:
    done = under(tmp_path, sys.executable, "-c", "raise SystemExit(7)")
    done.communicate(timeout=60)
    assert done.returncode == 7


def test_a_second_owner_is_told_who_the_first_is(tmp_path: Path) -> None:
    first = under(tmp_path, sys.executable, "-c", SLEEP)
    assert first.stdout is not None
    assert first.stdout.readline().startswith("postgresql+psycopg://")
    second = under(tmp_path, "true")
    _, err = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"in use by process {first.pid}" in err
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    assert servers(tmp_path) == []


def test_what_a_killed_owner_left_is_cleared_and_the_data_are_there(tmp_path: Path) -> None:
    first = under(tmp_path, sys.executable, "-c", SLEEP)
    assert first.stdout is not None
    url, child = first.stdout.readline().split()
    made = engine.connect(url)
    made.dispose()
    first.kill()
    os.kill(int(child), signal.SIGKILL)
    first.communicate(timeout=60)
    assert servers(tmp_path), "a killed owner leaves its server"
    with server.owned(tmp_path) as again:
        with psycopg.connect(paths.place_of(tmp_path).conninfo("stripe_sync")) as connection:
            assert connection.execute("select count(*) from stripe_sync.warehouse").fetchone() == (1,)
        assert again == url
    deadline = time.monotonic() + 20
    while servers(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert servers(tmp_path) == []


@pytest.mark.parametrize("pid", ["999999999", "1", "not a number", "our own"])
def test_a_stale_pid_file_is_believed_by_nobody(tmp_path: Path, pid: str) -> None:
    with server.owned(tmp_path):
        pass
    (paths.place_of(tmp_path).data / "postmaster.pid").write_text(
        f"{os.getpid() if pid == 'our own' else pid}\n", encoding="utf-8"
    )
    with server.owned(tmp_path), psycopg.connect(paths.place_of(tmp_path).conninfo()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_held_lock_in_this_process_is_waiting(tmp_path: Path) -> None:
    with server.owned(tmp_path), pytest.raises(NotReady, match="STRIPE_SYNC_WAREHOUSE_URL"), server.owned(tmp_path):
        pass


def test_no_parent_folder_is_opened_for_the_unprivileged_user(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with server.owned(closed / "state"):
        pass
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_platform_without_a_wheel_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="STRIPE_SYNC_WAREHOUSE_URL"):
        binaries.packaged_binaries()


def test_a_command_that_is_ended_ends_its_database(
    harness_of: Callable[[WorldBuilder], Harness], small_world: WorldBuilder, tmp_path: Path
) -> None:
    env = environ(harness_of(small_world)) | {"STRIPE_SYNC_STATE": str(tmp_path)}
    del env["STRIPE_SYNC_WAREHOUSE_URL"]
    program = [sys.executable, "-m", "stripe_sync.interfaces.cli.main", "plan", "--only", "customer", "test"]
    process = subprocess.Popen(program, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "preflight\n", "the database is up"
    assert servers(tmp_path)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert servers(tmp_path) == []
