"""Permits of a draft's lines, as a table: modes, limits, open questions, approvals. 120 calls are 12.00 USD."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from stripe_sync.core.lanes import Lane, Mode
from stripe_sync.core.settings import Environment, Limits
from stripe_sync.domain.plan.guards import Decision, GuardContext
from stripe_sync.domain.usage.decide.line_permits import PROPOSED, LinePermits, decide_permits
from stripe_sync.domain.usage.decide.lines import reconcile
from tests.unit.domain.usage.values import OWNER, invoice, window

DRAFT = reconcile(invoice(), [window()], owner=OWNER, entity=("subscription", "s-1"))
(ACTION,) = DRAFT.actions
OPEN_QUESTION = GuardContext(open_questions={Lane.USAGE: ["inactive_usage"]})
FORBIDDEN = GuardContext(forbidden={Lane.USAGE: ["The answer contradicts the setting."]})
OVER = "12.00 USD of usage are more than the 11.99 USD of environments.t.limits.usage.usd."


def environment(mode: Mode = Mode.ENFORCE, **limits: str) -> Environment:
    return Environment(stripe_account="acct_1", name="t", modes={Lane.USAGE: mode}, limits=Limits(usage=limits))


def decide(given: Environment, answered: GuardContext, approved: set[str]) -> LinePermits:
    return decide_permits([DRAFT], given, answered=answered, approved=approved)


WAITS: dict[str, tuple[Environment, GuardContext, str]] = {
    "propose": (environment(Mode.PROPOSE), GuardContext(), PROPOSED),
    "over the limit": (environment(usd="11.99"), GuardContext(), OVER),
    "propose, over the limit": (environment(Mode.PROPOSE, usd="11.99"), GuardContext(), PROPOSED),
    "an open question": (environment(), OPEN_QUESTION, "usage may not enforce before these are answered"),
    "a forbidding answer": (environment(), FORBIDDEN, "The answer contradicts the setting."),
}
APPLIES: dict[str, Environment] = {
    "enforce": environment(),
    "at the limit": environment(usd="12.00"),
    "a limit of another currency": environment(eur="1"),
}


@pytest.mark.parametrize(("given", "answered", "why"), WAITS.values(), ids=WAITS)
def test_a_draft_waits_for_a_person(given: Environment, answered: GuardContext, why: str) -> None:
    found = decide(given, answered, set())
    assert found.decisions == {ACTION.hash: Decision.WAIT}
    assert len(found.waits) == 1 and found.waits[0].startswith(f"in_1: {why}")
    (group,) = found.groups
    assert (group.group, group.actions, group.due_now) == ("usage/in_1", [ACTION.hash], {"usd": D(1200)})
    assert group.refusals[-1] == ACTION.sentence and group.refusals[0].startswith(why)


@pytest.mark.parametrize(("given", "answered"), [(g, a) for g, a, _ in WAITS.values()], ids=WAITS)
def test_what_a_person_approved_is_made(given: Environment, answered: GuardContext) -> None:
    found = decide(given, answered, {ACTION.hash})
    assert (found.decisions, found.waits, found.groups) == ({ACTION.hash: Decision.APPLY}, [], [])


@pytest.mark.parametrize("given", APPLIES.values(), ids=APPLIES)
@pytest.mark.parametrize("approved", [set(), {ACTION.hash}, {"another"}], ids=["none", "this", "another"])
def test_a_draft_is_written_by_itself(given: Environment, approved: set[str]) -> None:
    found = decide(given, GuardContext(), approved)
    assert (found.decisions, found.waits, found.groups) == ({ACTION.hash: Decision.APPLY}, [], [])


def test_each_draft_waits_for_itself() -> None:
    small = reconcile(
        invoice("in_2"), [window(id=8, charge="rows", quantity="1")], owner=OWNER, entity=("subscription", "s-1")
    )
    found = decide_permits([DRAFT, small], environment(usd="11.99"), answered=GuardContext(), approved=())
    assert list(found.decisions.values()) == [Decision.WAIT, Decision.APPLY]
    assert [group.group for group in found.groups] == ["usage/in_1"]


def test_a_draft_with_nothing_to_write_is_in_no_question() -> None:
    empty = reconcile(invoice(), [], owner=OWNER, entity=("subscription", "s-1"))
    found = decide_permits([empty], environment(Mode.PROPOSE), answered=GuardContext(), approved=())
    assert (found.decisions, found.waits, found.groups) == ({}, [], [])
