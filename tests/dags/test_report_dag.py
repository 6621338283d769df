"""The DAG of the finance report: files, the event of its asset, and the e-mail."""

from __future__ import annotations

import email
import json
import socket
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from msgspec.structs import replace

from stripe_sync.core.settings import ReportSettings
from tests.support.harness import SETTINGS, Harness

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.filterwarnings("default")]


def test_the_report_dag_writes_the_report_and_an_event_with_counts(bag: Any, harness: Harness, tmp_path: Path) -> None:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    harness.change(modes={})
    harness.reconcile()
    run = bag.dags["report__test"].test(run_conf={"month": "", "names": False})
    assert str(run.state) == "success"
    summary = json.loads((tmp_path / "reports" / "test" / "summary.json").read_text(encoding="utf-8"))
    assert summary["a_month"] == {"not billed at all": {"usd": "105.00"}}
    with create_session() as session:
        events = {e.uri: e.extra for e in session.query(AssetEvent).filter(AssetEvent.source_run_id == run.run_id)}
    assert events["stripe-sync://test/report"]["counts"] == {"open_differences": 14, "invariants_broken": 0}


def test_the_report_goes_to_an_object_store(bag: Any, harness: Harness, tmp_path: Path) -> None:
    from stripe_sync.interfaces.airflow.steps import folder

    assert folder("test", SETTINGS) is None
    target = folder("test", replace(SETTINGS, report=ReportSettings(path=f"file://{tmp_path}/bucket")))
    harness.reconcile()
    session = harness.session()
    from stripe_sync.jobs.finance.steps.publish import publish

    publish(session, harness.run(session), target)
    session.close()
    assert (tmp_path / "bucket" / "test" / "index.html").exists()


def test_the_report_is_sent_with_the_page_and_the_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stripe_sync.interfaces.airflow.mail import send

    for name in ("index.html", "drift.xlsx"):
        (tmp_path / name).write_bytes(b"content of " + name.encode())
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        got: list[str] = []
        thread = Thread(target=one_mail, args=(server, got))
        thread.start()
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port,
                      "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "sync@example.test"}}  # fmt: skip
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        send("test", ["cfo@example.test"], {"folder": str(tmp_path), "counts": {"open_differences": 2}})
        thread.join(10)
    message = email.message_from_string("".join(got))
    assert message["subject"] == "Drift report: test, 2 open differences"
    attached = [part.get_filename() for part in message.walk() if part.get_filename()]
    assert attached == ["index.html", "drift.xlsx"]


def one_mail(server: socket.socket, got: list[str]) -> None:
    """The least of a mail server: takes one message."""
    client, _ = server.accept()
    with client, client.makefile("rw", newline="") as talk:

        def say(text: str) -> None:
            talk.write(f"{text}\r\n")
            talk.flush()

        say("220 ready")
        for line in talk:
            word = line[:4].upper()
            if word == "DATA":
                say("354 go on")
                for part in talk:
                    if part == ".\r\n":
                        break
                    got.append(part.replace("\r\n", "\n"))
            say("221 bye" if word == "QUIT" else "250 ok")
            if word == "QUIT":
                return


def test_figures_go_to_airflows_metrics_when_a_job_ends_well(
    bag: Any, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stripe_sync.interfaces.airflow import metrics

    sent: dict[str, float] = {}
    monkeypatch.setattr(metrics.stats, "gauge", lambda name, value: sent.update({name: value}))
    counted: dict[str, int] = {}
    monkeypatch.setattr(metrics.stats, "incr", lambda name, count: counted.update({name: count}))
    harness.change(modes={})
    harness.reconcile()
    assert str(bag.dags["report__test"].test(run_conf={"month": "", "names": False}).state) == "success"
    assert counted["stripe_sync.test.stripe.requests.get_v1_billing_portal_configurations"] == 1
    assert sent["stripe_sync.test.drift.subscription"] == 3
    assert sent["stripe_sync.test.drift.coupon"] == 0
    assert sent["stripe_sync.test.usage_open"] == 0
    assert sent["stripe_sync.test.last_success.report"] > 1_700_000_000
    assert not any("c-1" in name or "example" in name for name in sent)
