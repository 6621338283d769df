"""Airflow's real processes for a module of stories, and how they are driven by REST."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from demo.stack import ROOT, Stack, airflow
from tests.scenarios import conftest as scenarios
from tests.support import shell
from tests.support.harness import Harness, build_small_world, built

pytest_configure, pytest_unconfigure = scenarios.pytest_configure, scenarios.pytest_unconfigure
WITHIN = 300  # seconds for a run to end, and for a request to change something
PROPOSE = 'modes = { catalog = "enforce", customers = "enforce", subscriptions = "propose", usage = "enforce" }\n'
SECRETS = ("sk_test_sandbox", "server-sandbox", "a-secret-of-marks", "Customer 1", "c1@example.test")


@pytest.fixture(scope="module")
def chat() -> Iterator[tuple[str, list[str]]]:
    """Run a chat webhook; yields its URL and the messages that it received."""
    messages: list[str] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["content-length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Chat)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", messages
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with built(build_small_world(), tmp_path_factory.mktemp("stack")) as made:
        yield made


def bundles(*folders: Path) -> str:
    """Airflow's setting for DAGs of more than one folder."""
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    return json.dumps([{"name": f.parent.name, "classpath": local, "kwargs": {"path": str(f)}} for f in folders])


@pytest.fixture(scope="module")
def stack(harness: Harness, chat: tuple[str, list[str]]) -> Iterator[Stack]:
    toml = shell.TOML + PROPOSE + 'alerts.webhook = "chat"\n' + shell.LIMITS
    environ = shell.environ(harness, toml)
    environ["AIRFLOW_CONN_STRIPE_SYNC_TEST"] = json.dumps({"conn_type": "generic", "password": "a-secret-of-marks"})
    environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] = bundles(ROOT / "dags", Path(__file__).parent / "dags")
    environ["AIRFLOW_CONN_CHAT"] = json.dumps({"conn_type": "http", "host": chat[0]})
    settings = {name: value for name, value in environ.items() if name.startswith(("AIRFLOW_", "STRIPE_SYNC_"))}
    with airflow(harness.folder / "airflow", harness.warehouse_url, settings) as running:
        yield running


@pytest.fixture(scope="module")
def rest(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client() as client:
        yield client


def until(what: str, ask: Callable[[], Any], seconds: int = WITHIN) -> Any:
    """Poll until ``ask``, which reads only, returns a value, and return it; ask again where no answer came in time."""
    end, unanswered = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        try:
            if found := ask():
                return found
        except httpx.TimeoutException:
            unanswered += 1
        time.sleep(0.5)
    raise AssertionError(f"{what} did not happen within {seconds} s; {unanswered} questions had no answer")


def started(rest: httpx.Client, dag: str, **conf: Any) -> str:
    """Trigger a DAG by REST and return the run's id."""
    until(f"{dag} is known", lambda: rest.get(f"/dags/{dag}").status_code == 200)
    body = {"logical_date": None, "conf": conf}
    made = rest.post(f"/dags/{dag}/dagRuns", json=body, timeout=WITHIN).raise_for_status().json()
    return str(made["dag_run_id"])


def state_of(rest: httpx.Client, dag: str, run: str, *, seconds: int = WITHIN) -> str:
    def ended() -> str:
        state = rest.get(f"/dags/{dag}/dagRuns/{run}").json()["state"]
        return state if state in ("success", "failed") else ""

    return str(until(f"{dag} {run} ends", ended, seconds))


def question(rest: httpx.Client) -> str:
    """Return the run of the apply DAG that waits for an approval."""

    def waiting() -> str:
        runs = rest.get("/dags/apply__test/dagRuns", params={"state": "running"}).json()["dag_runs"]
        for run in runs:
            url = f"/dags/apply__test/dagRuns/{run['dag_run_id']}/taskInstances/decide"
            if rest.get(url).json().get("state") == "deferred" or rest.get(url).json().get("state") == "awaiting_input":
                return str(run["dag_run_id"])
        return ""

    return str(until("an approval is requested", waiting))


def answer(rest: httpx.Client, run: str, option: str) -> None:
    url = f"/dags/apply__test/dagRuns/{run}/taskInstances/decide/-1/hitlDetails"
    chosen = {"chosen_options": [option], "params_input": {}}
    rest.patch(url, json=chosen, timeout=WITHIN).raise_for_status()


def living(harness: Harness) -> int:
    return sum(s["status"] == "active" for s in harness.objects("subscriptions"))
