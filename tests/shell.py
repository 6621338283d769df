"""A shell that is set up for a house: what people and schedulers run the real command in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from sandbox.builder import ACCOUNT
from tests.house import House

TOML = f"""
[environments.test]
stripe_account = "{ACCOUNT}"
endpoint_rate = 10000
account_rate = 10000
rate_share = 1.0
stripe_feed = false
stigg_feed = false
native_integration = "removed"
accept_unknown = ["product_id_characters", "coupon_id_reuse", "subscription_id_on_change"]
"""
ENFORCE = 'modes = { catalog = "enforce", customers = "enforce", subscriptions = "enforce", usage = "enforce" }\n'
LIMITS = '[environments.test.limits]\nactions = 100\ndue_now = { usd = "9999" }\nper_month = { usd = "9999" }\n'


def environ(house: House, toml: str = TOML, **more: str) -> dict[str, str]:
    """The environment of a shell that is set up for the house."""
    (house.folder / "environments.toml").write_text(toml, encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(house.folder),
        "STRIPE_SYNC_CONFIG": str(house.folder / "environments.toml"),
        "STRIPE_SYNC_WAREHOUSE_URL": house.warehouse_url,
        "STRIPE_SYNC_CLOCK": f"{house.stripe_url}/_world/clock",
        "STRIPE_SYNC_REPORTS": str(house.folder / "reports"),
        "AIRFLOW_CONN_STRIPE_DEFAULT": json.dumps(
            {"conn_type": "stripe", "password": "sk_test_sandbox", "host": house.stripe_url}
        ),
        "AIRFLOW_CONN_STIGG_DEFAULT": json.dumps(
            {"conn_type": "stigg", "password": "server-sandbox", "host": house.stigg_url}
        ),
        "AIRFLOW_CONN_STRIPE_SYNC_TEST": json.dumps({"conn_type": "generic", "password": "a-secret"}),
    } | more


def command(env: dict[str, str], *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "stripe_sync.cli.main", *arguments]
    return subprocess.run(program, env=env, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
