"""The compose files as text: everything is hardened, nothing has a default password, nothing listens outside of this machine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
BASE = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
CELERY = (ROOT / "docker-compose.celery.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(BASE)["services"]
SECRETS = {
    "POSTGRES_PASSWORD",
    "AIRFLOW_DB_PASSWORD",
    "WAREHOUSE_PASSWORD",
    "FERNET_KEY",
    "API_SECRET_KEY",
    "JWT_SECRET",
    "ADMIN_PASSWORD",
}


def test_the_services_of_production_are_there() -> None:
    assert set(SERVICES) == {
        "postgres",
        "init",
        "api-server",
        "scheduler",
        "dag-processor",
        "triggerer",
        "worker",
        "sandbox",
    }
    assert SERVICES["sandbox"]["profiles"] == ["sandbox"]
    assert set(yaml.safe_load(CELERY)["services"]) >= {"redis", "worker"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"]
    assert service["logging"]["options"]["max-size"]
    assert "latest" not in service["image"]
    if name != "postgres":
        assert (service["read_only"], service["user"]) == (True, "50000:0")
    if name != "init":
        assert service["healthcheck"]["test"]
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:")
    for volume in service.get("volumes", ()):
        assert not volume.startswith("./") or volume.endswith(":ro"), "mounts of the project are read-only"


def test_every_secret_is_required_and_none_has_a_default() -> None:
    for text in (BASE, CELERY):
        for name in SECRETS | {"REDIS_PASSWORD"}:
            assert not re.search(rf"\$\{{{name}(:?-|\}})", text), f"{name} has a default"
    assert set(re.findall(r"\$\{(\w+):\?run make secrets\}", BASE)) >= SECRETS


def test_make_secrets_makes_what_is_missing_and_keeps_what_is_there(tmp_path: Path) -> None:
    program = [sys.executable, str(ROOT / "docker" / "make_secrets.py"), str(tmp_path)]
    subprocess.run(program, check=True, capture_output=True)
    first = (tmp_path / ".env").read_text(encoding="utf-8")
    assert set(re.findall(r"^(\w+)=", first, re.M)) == SECRETS | {"REDIS_PASSWORD"}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / ".env", tmp_path / ".env.connections")} == {0o600}
    (tmp_path / ".env").write_text(first.replace("JWT_SECRET", "#JWT"), encoding="utf-8")
    output = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    assert output.startswith("made: JWT_SECRET\n")
    again = (tmp_path / ".env").read_text(encoding="utf-8")
    assert again.startswith(first.replace("JWT_SECRET", "#JWT"))
    values = re.findall(r"^\w+=(.+)$", first, re.M)
    assert len(set(values)) == len(values)
    assert all(len(value) >= 24 for value in values)


def test_the_image_is_of_the_lock_with_hashes_and_runs_as_nobody_special() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert dockerfile.count("FROM python:3.12-slim-bookworm") == 2
    assert "--require-hashes -r /tmp/requirements.txt" in dockerfile
    assert "USER airflow" in dockerfile
    assert "<<" not in dockerfile, "no inline files: it builds without BuildKit"
