"""``make secrets``: write the secrets that docker-compose.yaml needs; existing values are kept.

``.env`` has Airflow's and the databases' secrets, ``.env.connections`` the connections of tasks; both are readable by their
owner alone and ignored by git.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def fernet() -> str:
    """Return a key of Fernet's form: 32 random bytes, URL-safe."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


MADE = {
    "POSTGRES_PASSWORD": lambda: secrets.token_hex(24),
    "AIRFLOW_DB_PASSWORD": lambda: secrets.token_hex(24),
    "WAREHOUSE_PASSWORD": lambda: secrets.token_hex(24),
    "REDIS_PASSWORD": lambda: secrets.token_hex(24),
    "FERNET_KEY": fernet,
    "API_SECRET_KEY": lambda: secrets.token_hex(32),
    "JWT_SECRET": lambda: secrets.token_hex(48),
    "ADMIN_PASSWORD": lambda: secrets.token_urlsafe(18),
}
CONNECTIONS = {
    "AIRFLOW_CONN_STRIPE_DEMO": {"conn_type": "stripe", "password": "sk_test_sandbox", "host": "http://sandbox:12111"},
    "AIRFLOW_CONN_STIGG_DEMO": {"conn_type": "stigg", "password": "server-sandbox", "host": "http://sandbox:12112"},
}
HEADING = """\
# Made by make secrets; keep it out of git and in a safe place.
# For your own accounts: put environments.toml into config/, and say here
# CONTAINER_CONFIG=/opt/stripe_sync/config/environments.toml
# CONTAINER_CLOCK=
"""
OF_CONNECTIONS = """\
# The connections of tasks, as JSON; these are the sandbox's. For your own accounts:
# AIRFLOW_CONN_STRIPE_DEFAULT={"conn_type": "stripe", "password": "rk_live_..."}
# AIRFLOW_CONN_STIGG_DEFAULT={"conn_type": "stigg", "password": "server-..."}
# AIRFLOW_CONN_STRIPE_SYNC_PRODUCTION={"conn_type": "generic", "password": "the secret of the marks; never lose it"}
"""


def complete(path: Path, heading: str, values: dict[str, str]) -> list[str]:
    """Add missing values to a file and return their names."""
    text = path.read_text(encoding="utf-8") if path.exists() else heading
    present = {line.partition("=")[0].strip() for line in text.splitlines() if "=" in line}
    added = [name for name in values if name not in present]
    lines = "".join(f"{name}={values[name]}\n" for name in added)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text + ("" if text.endswith("\n") else "\n") + lines)
    path.chmod(0o600)
    return added


def main(folder: Path) -> int:
    connections = {name: json.dumps(value) for name, value in CONNECTIONS.items()}
    connections["AIRFLOW_CONN_STRIPE_SYNC_DEMO"] = json.dumps(
        {"conn_type": "generic", "password": secrets.token_hex(32)}
    )
    added = complete(folder / ".env", HEADING, {name: make() for name, make in MADE.items()})
    added += complete(folder / ".env.connections", OF_CONNECTIONS, connections)
    (folder / "config").mkdir(exist_ok=True)
    print(f"made: {', '.join(added)}" if added else "nothing was missing")
    print("The login is admin, with ADMIN_PASSWORD of .env.")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT))
