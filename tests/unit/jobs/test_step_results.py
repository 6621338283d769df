"""Step results: rows have the fields of the summary and of the payload side by side, and are read back as they were."""

from __future__ import annotations

import json

import pytest

from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.usage.charges import Problem
from stripe_sync.domain.usage.holds.stuck import Stuck
from stripe_sync.jobs.runtime.results import reconcile, usage
from stripe_sync.reporting.summaries import MonthlyMoney, RunSummary
from stripe_sync.warehouse.step_results import StepResult, decode, row_of

COMPARED = (
    reconcile.Compared(
        comparison=7,
        everything=True,
        summary=reconcile.ComparisonCounts(differences=2, drift_by_kind={"price": 2}, decided=1),
    ),
    {"comparison": 7, "everything": True, "differences": 2, "drift_by_kind": {"price": 2}, "decided": 1},
)
EXTRACTED = (
    reconcile.ExtractedStripe(
        snapshot=1,
        content=2,
        candidates=[("customer:test:c-1", "cus_1")],
        proven_by=[2, 0, "x"],
        summary=reconcile.StripeCounts(counts={"customer": 1}, whole=0, events=3, read=1),
    ),
    {"snapshot": 1, "content": 2, "candidates": [["customer:test:c-1", "cus_1"]], "proven_by": [2, 0, "x"]}
    | {"counts": {"customer": 1}, "whole": 0, "links_from_marks": 0, "events": 3, "read": 1},
)
MONEY = {"kind": "price", "state": "missing", "currency": "usd", "per_month_minor": "1200.00", "differences": 1}
REPORTED = (
    reconcile.Reported(
        files=["drift.csv"],
        folder="reports",
        summary=RunSummary(
            environment="test",
            run="r",
            differences=1,
            per_month_minor=[MonthlyMoney("price", "missing", "usd", "1200.00", 1)],
            planned_actions=1,
            waiting_actions=0,
            statuses={"price": {"PENDING": 1}},
        ),
    ),
    {
        "files": ["drift.csv"],
        "folder": "reports",
        "summary": {"environment": "test", "run": "r", "differences": 1, "planned_actions": 1, "waiting_actions": 0}
        | {"per_month_minor": [MONEY], "statuses": {"price": {"PENDING": 1}}},
    },
)
NOTHING_DUE = {"due": 0, "problems": [], "unreadable": [], "stale": "", "held": [], "short": {}, "unowed": []}
PROBLEM = Problem("s-1", "sub_1", ReasonCode.NEEDS_A_PERSON, "why")
DUE = (
    usage.FoundDue(problems=[PROBLEM], held_at_observe="", invoices=[], summary=usage.DueCounts(due=1, windows=0)),
    NOTHING_DUE
    | {"due": 1, "windows": 0, "held_at_observe": "", "invoices": []}
    | {
        "problems": [
            {"subscription": "s-1", "stripe_subscription": "sub_1", "reason": "NEEDS_A_PERSON", "detail": "why"}
        ]
    },
)
STUCK = {
    "invoice": "in_1",
    "subscription": "sub_1",
    "status": "draft",
    "currency": "usd",
    "amount": -100,
    "why": "waits",
}
SETTLED = (
    usage.Settled(
        listed=usage.StuckInvoices(stuck=[Stuck("in_1", "sub_1", "draft", "usd", -100, "waits")], stuck_at=None),
        summary=usage.UsageCounts(late=0, counts={"billed": 1}, rounded={"usd": "0.27"}),
    ),
    {"held": [], "released": [], "late": 0, "pages": [], "counts": {"billed": 1}, "rounded": {"usd": "0.27"}}
    | {"stuck": [STUCK | {"way": "", "cause": "not_finalized"}], "stuck_at": None, "stuck_pages": []},
)
RESULTS = [
    COMPARED,
    EXTRACTED,
    REPORTED,
    (usage.FoundDue(), NOTHING_DUE),
    DUE,
    (usage.WrittenLines(), {"lines": {}, "proven": 0, "waits": []}),
    SETTLED,
]


@pytest.mark.parametrize(("result", "row"), RESULTS)
def test_a_result_is_a_flat_row_and_is_read_back(result: StepResult, row: dict[str, object]) -> None:
    assert json.loads(json.dumps(row_of(result))) == row
    assert json.loads(json.dumps(row_of(decode(row, type(result))))) == row


def test_the_outcome_of_a_usage_run_is_the_results_of_its_steps_as_one() -> None:
    due = usage.FoundDue(summary=usage.DueCounts(due=3))
    outcome = usage.UsageOutcome(run="r", due=due, read=usage.ReadQuantities(), written=None, settled=None)
    row = {"run": "r"} | NOTHING_DUE | {"due": 3, "read": 0, "unread": 0, "failed": []}
    assert json.loads(json.dumps(row_of(outcome))) == row


def test_a_row_of_an_earlier_version_has_no_cause() -> None:
    row = SETTLED[1] | {"stuck": [STUCK]}
    assert [one.cause for one in decode(row, usage.Settled).listed.stuck] == ["not_finalized"]
