"""Airflow as separate processes: API server, scheduler, DAG processor, triggerer, on one PostgreSQL.

For ``make up`` and for the test of the real stack. The database is the embedded server's; everything listens on loopback.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

ROOT = Path(__file__).resolve().parent.parent
AIRFLOW_DATABASE = "airflow"
STARTS = 120  # seconds that all of it may take
ENDS = 20  # seconds that a process is given to end by itself
COMMANDS = {
    "api-server": ("api-server", "--host", "127.0.0.1"),
    "scheduler": ("scheduler",),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer",),
}


@dataclass
class Stack:
    """A running Airflow: where it is, who may log in, and its processes by name."""

    home: Path
    url: str
    password: str
    environ: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def log(self, name: str) -> str:
        """Return the output of a process."""
        return (self.home / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def client(self) -> httpx.Client:
        """Airflow's REST API as the administrator."""
        login = {"username": "admin", "password": self.password}
        token = httpx.post(f"{self.url}/auth/token", json=login, timeout=30).raise_for_status().json()["access_token"]
        return httpx.Client(base_url=f"{self.url}/api/v2", headers={"Authorization": f"Bearer {token}"}, timeout=30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def database_of(warehouse: str) -> str:
    """Recreate the database of Airflow on the warehouse's server and return its URL."""
    rest, _, host = warehouse.partition("?host=")
    conninfo = f"host={host} user={rest.partition('://')[2].partition('@')[0]} dbname=postgres"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"drop database if exists {AIRFLOW_DATABASE} with (force)")
        connection.execute(f"create database {AIRFLOW_DATABASE}")
    return f"{rest.rpartition('/')[0]}/{AIRFLOW_DATABASE}?host={host}"


def settings(home: Path, database: str, *, port: int, logs: int) -> dict[str, str]:
    """Airflow's own settings: everything on loopback, a login of its own, no examples."""
    given = {
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__DAGS_FOLDER": ROOT / "dags",
        "CORE__PLUGINS_FOLDER": ROOT / "plugins",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": home / "passwords.json",
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": database,
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": database.replace("postgresql+psycopg:", "postgresql+psycopg_async:"),
        "DATABASE__SQL_ALCHEMY_POOL_SIZE": "3",
        "API__PORT": str(port),
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__SECRET_KEY": secrets.token_hex(16),
        "API__WORKERS": "1",
        "API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "LOGGING__BASE_LOG_FOLDER": home / "logs",
        "LOGGING__WORKER_LOG_SERVER_PORT": str(logs),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(free_port()),
    }
    return {f"AIRFLOW__{name}": str(value) for name, value in given.items()} | {"AIRFLOW_HOME": str(home)}


@contextmanager
def airflow(home: Path, warehouse: str, environ: Mapping[str, str], *, port: int = 0) -> Iterator[Stack]:
    """Run Airflow: migrate, start all processes, wait until they are healthy, and stop them at the end."""
    home.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    password = secrets.token_urlsafe(12)
    (home / "passwords.json").write_text(json.dumps({"admin": password}), encoding="utf-8")
    own = settings(home, database_of(warehouse), port=port, logs=free_port())
    everything = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **environ, **own,
                  "PYTHONPATH": str(ROOT / "plugins"), "PYTHONWARNINGS": "ignore"}  # fmt: skip
    stack = Stack(home, f"http://127.0.0.1:{port}", password, everything)
    program = [sys.executable, "-m", "airflow"]
    subprocess.run([*program, "db", "migrate"], env=everything, check=True, capture_output=True)
    try:
        for name, arguments in COMMANDS.items():
            with (home / f"{name}.log").open("wb") as log:
                stack.processes[name] = subprocess.Popen(
                    [*program, *arguments], env=everything, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                )
        wait_until_healthy(stack)
        prepare_tasks_api(stack)
        yield stack
    finally:
        for process in stack.processes.values():
            end(process)


def wait_until_healthy(stack: Stack) -> None:
    """Wait until every component is healthy. Raises RuntimeError with the name of one that is not."""
    until, last = time.monotonic() + STARTS, "nothing answers"
    while time.monotonic() < until:
        for name, process in stack.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}; see {stack.home / name}.log")
        try:
            found: dict[str, Any] = httpx.get(f"{stack.url}/api/v2/monitor/health", timeout=5).json()
            ill = [part for part, state in found.items() if state["status"] != "healthy"]
            if not ill:
                return
            last = f"not healthy: {', '.join(ill)}"
        except (httpx.HTTPError, ValueError):
            pass
        time.sleep(0.5)
    raise RuntimeError(f"Airflow did not become healthy within {STARTS} s: {last}; see the logs in {stack.home}")


def prepare_tasks_api(stack: Stack) -> None:
    """Ask the API of the tasks once: the server builds its routes at the first request, and answers no other meanwhile.

    That takes 4 s of an idle processor, and longer than a request's timeout on a busy one.
    """
    httpx.get(f"{stack.url}/execution/health", timeout=STARTS).raise_for_status()


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process group: terminate it, and kill it after a grace period."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
