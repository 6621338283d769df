"""The DAGs as Airflow sees them: wiring, parameters, and real runs through ``dag.test()``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sandbox.builder import ACCOUNT
from stripe_sync.core.clock import from_epoch
from stripe_sync.core.settings import AlertSettings
from tests.support.harness import SETTINGS, Harness
from tests.support.metering import cycle, lines, period_end, until, use

# Airflow itself warns while it is imported and run; our own warnings are errors in the other groups.
pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.filterwarnings("default")]
PATH = {
    "preflight": {"extract_stigg", "extract_stripe"},
    "extract_stigg": {"check_mirrors", "compare"},
    "extract_stripe": {"check_mirrors", "compare"},
    "check_mirrors": {"compare"},
    "compare": {"plan"},
    "plan": {"check_plan"},
    "check_plan": {"apply", "ask"},
    "ask": {"open_questions"},
    "open_questions": set(),
    "apply": {"verify"},
    "verify": {"report"},
    "report": {"verdict"},
    "verdict": set(),
}


def test_the_dags_are_there_without_import_errors(bag: Any) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == {
        "reconcile__test",
        "apply__test",
        "usage__test",
        "backfill__test",
        "report__test",
        "checkout__test",
        "complete_checkout__test",
        "connect__test",
        "disconnect__test",
        "stripe_sync_configuration",
    }


def test_the_path_of_reconcile(bag: Any) -> None:
    dag = bag.dags["reconcile__test"]
    edges = {id: set(task.downstream_task_ids) for id, task in dag.task_dict.items()}
    edges["preflight"] -= {"plan"}  # the plan receives whether writes are limited to observe mode
    assert edges == PATH


def test_what_every_dag_and_task_has(bag: Any) -> None:
    for dag in bag.dags.values():
        assert dag.doc_md
        assert dag.catchup is False
        assert "stripe_sync" in dag.tags
        assert dag.start_date.tzinfo is not None
        assert all(task.owner == "billing" for task in dag.tasks)
    reconcile = bag.dags["reconcile__test"]
    assert {"test", "finance"} <= reconcile.tags
    assert reconcile.max_active_runs == 1
    assert set(reconcile.allowed_run_types) == {"scheduled", "manual"}, "no backfill: writes are decided in the present"
    for task in reconcile.tasks:
        assert task.execution_timeout is not None
        assert task.retries == (0 if task.task_id == "verdict" else 3)


@pytest.mark.parametrize(
    "conf",
    [{"mode": "bold"}, {"entities": ["unicorn"]}, {"customers": [""]}, {"full": "perhaps"}, {"customers": "c-1"}],
)
def test_bad_parameters_are_refused_by_the_form(bag: Any, conf: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    params = bag.dags["reconcile__test"].params
    with pytest.raises(ParamValidationError):
        for name, value in conf.items():
            params.get_param(name).resolve(value)


def test_the_real_dag_twice(bag: Any, harness: Harness, tmp_path: Path) -> None:
    dag = bag.dags["reconcile__test"]
    first = dag.test()
    assert str(first.state) == "success"
    assert len(harness.objects("subscriptions")) == 3
    before, writes = harness.frozen(), harness.writes()
    assert str(dag.test().state) == "success"
    assert (harness.frozen(), harness.writes()) == (before, writes)
    assert (tmp_path / "reports" / "test" / "last-run" / "index.html").exists()


def test_xcom_holds_ids_and_counts_and_nobodys_data(bag: Any, harness: Harness) -> None:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    run = bag.dags["reconcile__test"].test()
    with create_session() as session:
        values = [str(row.value) for row in session.query(XComModel).filter(XComModel.run_id == run.run_id)]
    assert values
    text = " ".join(values)
    for secret in ("Customer 1", "example.test", "sk_test", "server-sandbox", "a-secret"):
        assert secret not in text


def test_a_run_that_is_cleared_and_run_again_writes_nothing_twice(bag: Any, harness: Harness) -> None:
    from stripe_sync.jobs.runtime.context import start_run

    run = bag.dags["reconcile__test"].test()
    before, writes = harness.frozen(), harness.writes()
    session = harness.session()
    from stripe_sync.jobs.reconcile.job import RECONCILE
    from stripe_sync.jobs.runtime.runner import run_job

    run_job(session, start_run(session, run.run_id), RECONCILE)
    session.close()
    assert (harness.frozen(), harness.writes()) == (before, writes)


def test_a_step_that_fails_fails_the_run_and_still_reports(bag: Any, harness: Harness, tmp_path: Path) -> None:
    for kind in ("plans", "subscriptions"):
        harness.world.stigg[kind].clear()
    run = bag.dags["reconcile__test"].test()
    assert str(run.state) == "failed"
    states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    assert states["check_mirrors"] == "failed"
    assert states["apply"] == "upstream_failed"
    assert states["report"] == "success"
    assert states["verdict"] == "failed"
    assert harness.writes() == 0
    assert (tmp_path / "reports" / "test" / "last-run" / "summary.json").exists()


def test_observe_as_a_parameter_writes_nothing(bag: Any, harness: Harness) -> None:
    run = bag.dags["reconcile__test"].test(run_conf={"mode": "observe"})
    assert str(run.state) == "success"
    assert harness.writes() == 0


def waiting_approval(harness: Harness) -> str:
    """Return the hash of the only approval request that waits."""
    from stripe_sync.warehouse.plans import approvals

    (found,) = approvals.waiting(harness.engine, "test", now=from_epoch(harness.world.now))
    return found.request.hash


def test_what_is_over_a_limit_becomes_a_run_of_apply_and_is_made_after_a_yes(
    bag: Any, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    tight = Path(os.environ["STRIPE_SYNC_CONFIG"]).read_text(encoding="utf-8").replace("actions = 100", "actions = 2")
    config = harness.folder / "tight.toml"
    config.write_text(tight, encoding="utf-8")
    monkeypatch.setenv("STRIPE_SYNC_CONFIG", str(config))
    conf = {
        "mode": "as configured",
        "entities": ["customer"],
        "customers": [],
        "full": False,
    }  # dag.test keeps the last ones
    assert str(bag.dags["reconcile__test"].test(run_conf=conf).state) == "success"
    assert harness.objects("customers") == []
    hash = waiting_approval(harness)
    assert [run.conf["approval"] for run in runs_of("apply__test")] == [hash]

    done = bag.dags["apply__test"].test(run_conf={"approval": hash}, mark_success_pattern="decide")
    states = {ti.task_id: str(ti.state) for ti in done.get_task_instances()}
    assert (states["accept"], states["refuse"], states["verdict"]) == ("success", "skipped", "success")
    assert len(harness.objects("customers")) == 3


def runs_of(dag_id: str) -> list[Any]:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        found = list(session.query(DagRun).filter(DagRun.dag_id == dag_id).order_by(DagRun.id))
        session.expunge_all()
        return found


def test_the_question_is_asked_with_reject_as_its_default(bag: Any) -> None:
    decide = bag.dags["apply__test"].task_dict["decide"]
    assert decide.defaults == ["Reject"]
    assert decide.response_timeout.total_seconds() == 24 * 3600
    assert decide.execution_timeout is None
    with pytest.raises(Exception, match="does not match"):
        bag.dags["apply__test"].params.get_param("approval").resolve("not a hash")


def test_the_usage_dag_puts_the_use_of_a_month_on_its_draft(
    bag: Any, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandbox.builder import usage
    from sandbox.world.state import iso

    harness.world.stigg["features"].append({"id": "00000000-0000-4000-8000-00000000000c", "refId": "calls", "displayName": "Calls", "featureType": "NUMBER",
                                          "meterType": "Incremental", "featureStatus": "ACTIVE"})  # fmt: skip
    plan = harness.world.stigg["plans"][0]
    price = usage("calls", 1) | {"id": "00000000-0000-4000-8000-00000000000a", "createdAt": iso(harness.world.now),
                                 "packageId": plan["id"]}  # fmt: skip
    plan["prices"].append(price)
    row = harness.world.stigg["subscriptions"][0]
    row["prices"].append({"id": "00000000-0000-4000-8000-00000000000b", "billingModel": "USAGE_BASED",
                          "featureId": "calls", "price": {"id": price["id"]}, "updatedAt": iso(harness.world.now)})  # fmt: skip
    harness.reconcile()
    end = period_end(harness)
    until(harness, end - 180)
    harness.reconcile()
    use(harness, 5, end - 120)
    until(harness, end + 60)
    assert bag.dags["usage__test"].test().state == "success"
    assert lines(cycle(harness)) == [("5", 500)]


def test_who_is_told_of_a_failure_is_told_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    from stripe_sync.interfaces.airflow.notifiers import WebhookNotifier, on_failure

    got: list[dict[str, Any]] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Chat)
    thread = Thread(target=server.handle_request)
    thread.start()
    monkeypatch.setenv(
        "AIRFLOW_CONN_CHAT", json.dumps({"conn_type": "http", "host": f"http://127.0.0.1:{server.server_port}"})
    )
    found = on_failure("test", replace(SETTINGS, alerts=AlertSettings("chat", ["billing@example.test"])))
    assert [type(n).__name__ for n in found] == ["WebhookNotifier", "SmtpNotifier"]
    assert isinstance(found[0], WebhookNotifier)
    found[0].notify({"exception": "in_1 is finalized at noon"})
    thread.join(10)
    server.server_close()
    assert "in_1 is finalized at noon" in got[0]["text"]


@pytest.mark.parametrize(
    "conf",
    [
        {"since": "yesterday"},
        {"until": "soon"},
        {"action": "delete"},
        {"entities": ["unicorn"]},
        {"customers": [""]},
        {"full": False},
    ],
)
def test_bad_parameters_of_a_backfill_are_refused_by_the_form(bag: Any, conf: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    params = bag.dags["backfill__test"].params
    with pytest.raises(ParamValidationError):
        for name, value in conf.items():
            params.get_param(name).resolve(value)


def test_the_backfill_dag_plans_and_repairs_only_if_told_to(bag: Any, harness: Harness) -> None:
    now = harness.world.now
    conf = {"until": None, "entities": [], "customers": [], "full": True}
    since = from_epoch(now - 86_400).isoformat()
    assert bag.dags["backfill__test"].test(run_conf=conf | {"since": since, "action": "plan"}).state == "success"
    assert harness.writes() == 0
    assert bag.dags["backfill__test"].test(run_conf=conf | {"since": since, "action": "repair"}).state == "success"
    assert harness.writes() > 0


def test_tasks_lead_to_their_plan_their_drift_their_use_and_to_stripe(bag: Any, harness: Harness) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    kept = DagSerialization.to_dict(bag.dags["reconcile__test"])["dag"]["tasks"]
    links = {t["__var"]["task_id"]: t["__var"].get("_operator_extra_links") for t in kept}
    assert links["plan"] == links["check_plan"] == {"Plan": "_link_plan"}
    assert links["apply"] == {"Plan": "_link_plan", "Stripe": "_link_StripeLink"}
    assert set(links["compare"]) == {"Drift", "Stripe"}
    assert links["extract_stigg"] is None

    class Key:
        dag_id, run_id = "reconcile__test", "manual__2026-11-16T09:00:00+00:00"

    found = {
        link.name: link.get_link(task, ti_key=Key())
        for task in bag.dags["reconcile__test"].tasks
        for link in task.operator_extra_links
        if type(link).__module__.startswith("stripe_sync")
    }
    assert found["Plan"] == "/stripe-sync/test/plans/manual__2026-11-16T09%3A00%3A00%2B00%3A00"
    assert found["Drift"] == "/stripe-sync/test/"
    assert found["Stripe"] == f"https://dashboard.stripe.com/{ACCOUNT}/test/dashboard"
