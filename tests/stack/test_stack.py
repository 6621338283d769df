"""Airflow as it runs in production, without containers: real processes, driven by its REST API (issue 8)."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from demo.stack import Stack
from tests.stack.conftest import SECRETS, answer, living, question, started, state_of
from tests.support.harness import Harness


def test_a_run_is_started_and_what_waits_is_approved_by_rest(harness: Harness, rest: httpx.Client) -> None:
    first = started(rest, "reconcile__test")
    assert state_of(rest, "reconcile__test", first) == "success"
    assert len(harness.objects("customers")) == 3
    assert living(harness) == 0, "subscriptions wait for a person"
    shown = rest.get(f"/dags/reconcile__test/dagRuns/{first}/taskInstances/plan/links").raise_for_status().json()
    assert shown["extra_links"]["Plan"].startswith("/stripe-sync/test/plans/")
    apply_run = question(rest)
    answer(rest, apply_run, "Approve")
    assert state_of(rest, "apply__test", apply_run) == "success"
    assert living(harness) == 3


def test_a_task_cannot_reach_airflows_database_and_ours_do_not_need_to(stack: Stack, rest: httpx.Client) -> None:
    run = started(rest, "reach")
    assert state_of(rest, "reach", run) == "success"
    found = rest.get(f"/dags/reach/dagRuns/{run}/taskInstances/database/xcomEntries/return_value").json()["value"]
    assert "not allowed" in found["session"]
    database = stack.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert database not in (found["setting"], found["environment"])


def test_a_line_of_a_log_says_what_it_is_about_in_fields(stack: Stack, rest: httpx.Client) -> None:
    lines = [json.loads(line) for path in Path(stack.home).rglob("*.log") if "task_id=apply" in str(path)
             for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("{")]  # fmt: skip
    made = [line for line in lines if line.get("kind") == "customer.create"]
    assert {line["entity"] for line in made} == {"customer:c-1", "customer:c-2", "customer:c-3"}
    assert {(line["environment"], line["lane"], line["result"]) for line in made} == {("test", "customers", "done")}
    assert all(line["run"].startswith("manual__") for line in made)


def test_no_log_shows_a_secret_or_a_person(stack: Stack, harness: Harness, rest: httpx.Client) -> None:
    logs = list(Path(stack.home).rglob("*.log"))
    assert len(logs) > 10
    for path in logs:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not [secret for secret in SECRETS if secret in text], path
