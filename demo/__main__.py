"""``make demo``: embedded database, sandbox, then the real DAGs through Airflow's ``dag.test()``: reconcile twice, and a
month end at which usage has to be on the drafts before they are finalized, and the report that finance reads.

Leaves reports/demo. Exits with 0 only if the second run had nothing to do and all usage was billed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import httpx

from demo.up import connections
from stripe_sync.jobs.runtime.step_list import Job

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".state" / "demo"
REPORTS = ROOT / "reports"
ENVIRONMENT = "demo"


def prepare(stripe: str, stigg: str, warehouse: str) -> None:
    """The process's environment: connections as Airflow reads them, and an Airflow home of its own."""
    airflow = {
        "HOME": STATE / "airflow",
        "_CORE__DAGS_FOLDER": ROOT / "dags",
        "_CORE__PLUGINS_FOLDER": ROOT / "plugins",
        "_CORE__LOAD_EXAMPLES": "False",
        "_LOGGING__LOGGING_LEVEL": "ERROR",
        "_LOGGING__BASE_LOG_FOLDER": STATE / "airflow" / "logs",
        "_DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{STATE / 'airflow' / 'airflow.db'}",
    }
    os.environ.update({f"AIRFLOW_{name}": str(value) for name, value in airflow.items()})
    os.environ.update(connections(stripe, stigg))
    os.environ.update(
        {
            "STRIPE_SYNC_CONFIG": str(ROOT / "demo" / "environments.toml"),
            "STRIPE_SYNC_WAREHOUSE_URL": warehouse,
            "STRIPE_SYNC_CLOCK": f"{stripe}/_world/clock",
            "STRIPE_SYNC_REPORTS": str(REPORTS),
        }
    )


def the_dags() -> tuple[Any, Any, Any]:
    """Return the demo's DAGs reconcile, usage and report, parsed from dags/ and stored in Airflow's database."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.utils.db import initdb

    initdb()
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(ROOT / "dags", bundle_name="dags-folder")
    if bag.import_errors:
        raise SystemExit("\n".join(bag.import_errors.values()))
    sync_bag_to_db(bag, "dags-folder", None)
    reconcile, usage, report = (bag.dags[f"{name}__{ENVIRONMENT}"] for name in ("reconcile", "usage", "report"))
    return reconcile, usage, report


def run_once(dag: Any) -> dict[str, Any]:
    """Run the DAG once and return the results of its steps."""
    from stripe_sync.jobs.reconcile.job import RECONCILE

    started = time.monotonic()
    dag_run = dag.test()
    found = results(dag_run.run_id, RECONCILE)
    return {
        "state": str(dag_run.state),
        "seconds": round(time.monotonic() - started, 1),
        "differences": found["compare"].get("differences"),
        "planned_actions": found["plan"].get("actions"),
        "made": found["apply"].get("made", {}),
        "results": found["apply"].get("results", {}),
        "read_back": found["verify"].get("read_back"),
        "statuses": found["report"].get("summary", {}).get("statuses", {}),
    }


def results(run_id: str, job: Job) -> dict[str, dict[str, Any]]:
    """Return the kept result of each step that a job's last step waits for, empty where it has none."""
    from stripe_sync.warehouse import engine, runs

    warehouse = engine.engine_of(os.environ["STRIPE_SYNC_WAREHOUSE_URL"])
    names = [step.name for step in job.leading_to(job.last.name)]
    return {name: runs.result(warehouse, ENVIRONMENT, run_id, name) or {} for name in names}


def month_end(reconcile: Any, usage: Any, stripe: str) -> dict[str, Any]:
    """Report calls two minutes before their month ends, and return how they were billed."""
    end = min(
        item["current_period_end"]
        for subscription in world(stripe)["subscriptions"]
        for item in subscription["items"]["data"]
        if subscription["metadata"].get("stiggEntityId", "").startswith("sub-api")
    )
    move(stripe, end - 180)
    reconcile.test()
    move(stripe, end + 60)
    counts = [use(usage)]
    move(stripe, end + 3600 + 120)
    counts.append(use(usage))
    finalized = [i for i in world(stripe)["invoices"] if i["status"] != "draft" and i["lines"]["data"]]
    lines = [li for i in finalized for li in i["lines"]["data"] if (li["description"] or "").startswith("API calls")]
    shown = [{"line": li["description"], "quantity": li["quantity_decimal"], "amount": li["amount"]} for li in lines]
    first, last = counts
    return {"due": first["due"], "proven": first["proven"], "held": len(first["held"]),
            "billed": last["counts"].get("billed", 0), "windows": sum(last["counts"].values()), "lines": shown}  # fmt: skip


def use(dag: Any) -> dict[str, Any]:
    """Run the usage DAG once and return the results of its steps."""
    from stripe_sync.jobs.usage.job import USAGE

    dag_run = dag.test()
    found = results(dag_run.run_id, USAGE)
    return {"state": str(dag_run.state)} | {key: value for result in found.values() for key, value in result.items()}


def disturb(reconcile: Any, stripe: str) -> None:
    """Lower a quantity in Stripe as a person would in the dashboard, and detect it with a read-only run.

    The demo's invoices stay unpaid, so its subscriptions are past due at the end of the month.
    """
    living = [s for s in world(stripe)["subscriptions"] if s["status"] in ("active", "past_due")]
    of, item = max(
        ((s, i) for s in living for i in s["items"]["data"]),
        key=lambda pair: pair[1].get("quantity") or 0,
    )
    key = {"Authorization": "Bearer sk_test_sandbox", "Stripe-Version": "2026-10-28.endive"}
    less = {"items[0][id]": item["id"], "items[0][quantity]": item["quantity"] - 1, "proration_behavior": "none"}
    httpx.post(f"{stripe}/v1/subscriptions/{of['id']}", data=less, headers=key).raise_for_status()
    choices = {"mode": "observe", "entities": [], "customers": [], "full": False}
    if str(reconcile.test(run_conf=choices).state) != "success":
        raise SystemExit("The run that looks only did not succeed; see the log above.")


def published(dag: Any) -> dict[str, Any]:
    """Run the report DAG once and return its figures."""
    if str(dag.test(run_conf={"month": "", "names": False}).state) != "success":
        raise SystemExit("The report was not written; see the log above.")
    found: dict[str, Any] = json.loads((REPORTS / ENVIRONMENT / "summary.json").read_text(encoding="utf-8"))
    return found


def move(stripe: str, moment: int) -> None:
    """Advance the sandbox's clock; Stripe performs due steps."""
    httpx.post(f"{stripe}/_world/clock", json={"now": moment}).raise_for_status()


def world(stripe: str) -> dict[str, Any]:
    """Stripe's side of the sandbox."""
    found: dict[str, Any] = httpx.get(f"{stripe}/_world/state").json()["stripe"]
    return found


def print_run(title: str, run: dict[str, Any]) -> None:
    """Print the result of a run."""
    print(f"\n{title}: {run['state']} in {run['seconds']} s")
    print(f"  {run['differences']} differences, {run['planned_actions']} writes planned")
    for kind, count in run["made"].items():
        print(f"  {count:>4}  {kind}")
    for kind, statuses in run["statuses"].items():
        print(f"  {kind}: " + ", ".join(f"{count} {status}" for status, count in statuses.items()))


def main() -> int:
    warnings.filterwarnings("ignore")
    from sandbox.server.run import running
    from sandbox.world.state import find, load
    from stripe_sync.warehouse import engine
    from stripe_sync.warehouse.embedded import server

    server.forget(STATE)
    shutil.rmtree(STATE, ignore_errors=True)
    shutil.rmtree(REPORTS / ENVIRONMENT, ignore_errors=True)
    (STATE / "airflow").mkdir(parents=True)

    print("Starting the embedded database, the sandbox and Airflow", flush=True)
    with server.owned(STATE) as warehouse, running(load(find("demo"))) as (stripe, stigg):
        prepare(stripe, stigg, warehouse)
        reconcile, usage, report = the_dags()
        first = run_once(reconcile)
        print_run("First run", first)
        second = run_once(reconcile)
        print_run("Second run", second)
        used = month_end(reconcile, usage, stripe)
        print(
            f"\nA month end: {used['due']} subscriptions due, {used['proven']} windows of usage proven on their drafts, "
            f"{used['held']} drafts held, {used['billed']} of {used['windows']} windows billed"
        )
        for line in used["lines"]:
            print(f"  {line['quantity']:>6} x {line['line']}: {line['amount'] / 100:.2f} USD")
        disturb(reconcile, stripe)
        figures = published(report)
        for direction, amounts in figures["a_month"].items():
            totals = ", ".join(f"{amount} {currency.upper()}" for currency, amount in amounts.items())
            print(f"\nA quantity was changed in Stripe; the report shows {totals} per month {direction}")
        engine.engine_of(warehouse).dispose()
    quiet = second["state"] == first["state"] == "success" and second["planned_actions"] == 0
    summary = {
        "environment": ENVIRONMENT,
        "runs": [first, second],
        "second_run_had_nothing_to_do": quiet,
        "usage": used,
        "report": figures,
    }
    billed = used["billed"] == used["windows"] > 0
    (REPORTS / ENVIRONMENT / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(f"\nThe second run {'had nothing to do' if quiet else 'was not quiet: this is a defect'}.")
    print(f"The drift report: {(REPORTS / ENVIRONMENT / 'index.html').relative_to(ROOT)}")
    return 0 if quiet and billed else 1


if __name__ == "__main__":
    sys.exit(main())
