"""``make up``: Airflow with its UI on localhost, on the sandbox; state under .state/up; Ctrl-C ends all."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from pathlib import Path

from demo.stack import ROOT, airflow
from sandbox.server.run import running
from sandbox.world.state import find, load
from stripe_sync.warehouse.embedded import server

STATE = ROOT / ".state" / "up"
PORT = 8080


def connections(stripe: str, stigg: str) -> dict[str, str]:
    """Return the demo's connections, as Airflow reads them from the environment."""
    known = {
        "STRIPE_DEMO": {"conn_type": "stripe", "password": "sk_test_sandbox", "host": stripe},
        "STIGG_DEMO": {"conn_type": "stigg", "password": "server-sandbox", "host": stigg},
        "STRIPE_SYNC_DEMO": {"conn_type": "generic", "password": "only-for-the-demo"},
    }
    return {f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in known.items()}


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    server.forget(STATE)
    shutil.rmtree(STATE, ignore_errors=True)
    print("Starting the embedded database, the sandbox and Airflow; this takes about half a minute", flush=True)
    with server.owned(STATE) as warehouse, running(load(find("demo"))) as (stripe, stigg):
        environ = connections(stripe, stigg) | {
            "STRIPE_SYNC_CONFIG": str(ROOT / "demo" / "environments.toml"),
            "STRIPE_SYNC_WAREHOUSE_URL": warehouse,
            "STRIPE_SYNC_CLOCK": f"{stripe}/_world/clock",
            "STRIPE_SYNC_REPORTS": str(STATE / "reports"),
        }
        with airflow(STATE / "airflow", warehouse, environ, port=PORT) as stack:
            print(f"\nAirflow: {stack.url}   login: admin   password: {stack.password}")
            print(f"Billing sync: {stack.url}/stripe-sync/demo/")
            print(f"The sandbox: Stripe {stripe}, Stigg {stigg}; its clock and state are under /_world/")
            print(
                f"Logs: {Path(stack.home).relative_to(ROOT)}. Trigger reconcile__demo first. Ctrl-C ends all.",
                flush=True,
            )
            try:
                while all(process.poll() is None for process in stack.processes.values()):
                    time.sleep(1)
                print("A part of Airflow ended; see its log.", file=sys.stderr)
                return 1
            except KeyboardInterrupt:
                print("\nEnding everything", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
