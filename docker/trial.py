"""``make compose-test``: start docker-compose.yaml on the sandbox in a copy of the project, and verify that it works.

For each of ``docker compose`` and ``docker-compose`` that is there: secrets are made, everything becomes healthy, a run of
reconcile and one of usage succeed, a second start changes nothing, and all is taken down with its volumes. With ``--celery``
the same with two workers. Where no engine answers it says so and does nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HEALTHY_WITHIN = 420  # seconds for everything to become healthy
RUN = 300  # seconds for a run


def engines() -> list[list[str]]:
    """Return the available Compose commands with a running engine."""
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return []
    ways = (["docker", "compose"], ["docker-compose"])
    return [way for way in ways if shutil.which(way[0]) and works([*way, "version"])]


def works(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Trial:
    """One project brought up by one way of calling Compose."""

    def __init__(self, way: list[str], folder: Path, *, celery: bool) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self.name = f"stripe-sync-trial-{self.port}"
        files = ["-f", "docker-compose.yaml", *(["-f", "docker-compose.celery.yaml"] if celery else [])]
        self.compose = [
            *way,
            "-p",
            self.name,
            *files,
            "--profile",
            "sandbox",
            *(["--profile", "celery"] if celery else []),
        ]
        self.scale = ["--scale", "worker=2"] if celery else []
        self.environ = {**os.environ, "AIRFLOW_PORT": str(self.port)}

    def call(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self.compose, *arguments], cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done.stdout

    def up(self) -> None:
        self.call("up", "-d", "--build", *self.scale)
        until = time.monotonic() + HEALTHY_WITHIN
        while time.monotonic() < until:
            try:
                found = self.rest("GET", "/api/v2/monitor/health", token="")
                if all(part["status"] == "healthy" for part in found.values()):
                    return
            except (OSError, ValueError):
                pass
            time.sleep(2)
        raise SystemExit(
            f"Airflow did not become healthy:\n{self.call('ps', check=False)}{self.call('logs', '--tail', '40', check=False)}"
        )

    def rest(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> Any:
        """Call Airflow's REST API, as the administrator by default, and return the answer."""
        headers = {"Content-Type": "application/json"}
        if token is None:
            headers["Authorization"] = f"Bearer {self.login()}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=data, headers=headers, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def login(self) -> str:
        lines = (self.folder / ".env").read_text(encoding="utf-8").splitlines()
        known = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
        login = {"username": "admin", "password": known["ADMIN_PASSWORD"]}
        return str(self.rest("POST", "/auth/token", login, token="")["access_token"])

    def run(self, dag: str, conf: dict[str, Any] | None = None) -> None:
        """Trigger a DAG and wait until the run succeeds."""
        until = time.monotonic() + RUN
        while True:  # the DAG processor may not have seen the file yet
            try:
                made = self.rest("POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf or {}})
                break
            except urllib.error.HTTPError as refused:
                if refused.code != 404 or time.monotonic() > until:
                    raise
                time.sleep(2)
        while time.monotonic() < until:
            state = self.rest("GET", f"/api/v2/dags/{dag}/dagRuns/{made['dag_run_id']}")["state"]
            if state == "success":
                return
            if state == "failed":
                break
            time.sleep(2)
        raise SystemExit(
            f"{dag} did not succeed ({state}):\n{self.call('logs', '--tail', '80', 'scheduler', check=False)}"
        )

    def stripe(self) -> dict[str, int]:
        """Return the number of Stripe objects in the sandbox by kind."""
        ask = "import json, urllib.request as u; s = json.load(u.urlopen('http://127.0.0.1:12111/_world/state'))['stripe']; " \
              "print(json.dumps({k: len(v) for k, v in s.items() if isinstance(v, list)}))"  # fmt: skip
        found: dict[str, int] = json.loads(self.call("exec", "-T", "sandbox", "python", "-c", ask))
        return found


def tried(way: list[str], *, celery: bool) -> None:
    """Run the trial and always remove its containers. Raises SystemExit with the cause of a failure."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="stripe_sync-compose-") as place:
        folder = Path(place) / "project"
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        subprocess.run(
            [sys.executable, "docker/make_secrets.py", str(folder)], cwd=folder, check=True, capture_output=True
        )
        trial = Trial(way, folder, celery=celery)
        try:
            trial.up()
            trial.run("reconcile__demo")
            made = trial.stripe()
            assert made["subscriptions"] == 36, made
            trial.run("reconcile__demo")
            assert trial.stripe() == made, "the second run had nothing to do"
            trial.run("usage__demo")
            trial.run("report__demo")
            trial.up()  # a second start: init is idempotent
            print(f"{' '.join(way)}{' with two workers' if celery else ''}: {made['subscriptions']} subscriptions, "
                  f"usage and report succeeded, {time.monotonic() - started:.0f} s")  # fmt: skip
        finally:
            trial.call("down", "--volumes", "--timeout", "20", check=False)


def main() -> int:
    found = engines()
    if not found:
        print("There is no Docker engine with Compose here; nothing was tried.")
        return 0
    for way in found:
        for celery in (False, True) if "--celery" in sys.argv else (False,):
            tried(way, celery=celery)
    return 0


if __name__ == "__main__":
    sys.exit(main())
