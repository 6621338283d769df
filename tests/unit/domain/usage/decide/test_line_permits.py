"""Permits of a draft's lines, as a table: modes, limits, open questions, approvals. 120 calls are 12.00 USD."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from stripe_sync.core.lanes import Lane, Mode
from stripe_sync.core.settings import Environment, Limits
from stripe_sync.domain.plan.guards import Decision, GuardContext
from stripe_sync.domain.usage.decide.line_permits import PROPOSED, LinePermits, decide_permits, plausible
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
    return decide_permits([DRAFT], given, answered=answered, approved=approved, largest={})


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


LARGE = "100001"  # calls, 10,000.10 USD
JUMPS: dict[
    str, tuple[str, int, dict[str, str], bool]
] = {  # calls, the largest window so far in cents, limits, whether it waits
    "plausible": ("100000", 0, {}, False),
    "the first": (LARGE, 0, {}, True),
    "more than ten times": (LARGE, 100_000, {}, True),
    "ten times": (LARGE, 100_001, {}, False),
    "as large as ever": (LARGE, 1_000_010, {}, False),
    "under a limit": (LARGE, 0, {"usd": "10001"}, False),
    "over a limit": (LARGE, 1_000_010, {"usd": "10000"}, True),
    "a limit of another currency": (LARGE, 0, {"eur": "1"}, True),
}


@pytest.mark.parametrize(("calls", "before", "limits", "waits"), JUMPS.values(), ids=JUMPS)
def test_a_jump_waits_for_a_person(calls: str, before: int, limits: dict[str, str], waits: bool) -> None:
    draft = reconcile(invoice(), [window(quantity=calls)], owner=OWNER, entity=("subscription", "s-1"))
    largest = {("sub_1", "calls"): before}
    found = decide_permits([draft], environment(**limits), answered=GuardContext(), approved=(), largest=largest)
    assert list(found.decisions.values()) == [Decision.WAIT if waits else Decision.APPLY]
    assert len(found.waits) == int(waits)


@pytest.mark.parametrize(
    ("currency", "minor"), [("usd", 1_000_000), ("jpy", 1_000_000), ("kwd", 10_000_000), ("isk", 100_000_000)]
)
def test_the_plausible_amount_of_a_window_by_currency(currency: str, minor: int) -> None:
    """10,000.00 USD, 1,000,000 JPY, 10,000.000 KWD, 1,000,000.00 ISK, which has no decimals but is sent with two."""
    assert plausible(currency) == minor


def test_each_draft_waits_for_itself() -> None:
    small = reconcile(
        invoice("in_2"), [window(id=8, charge="rows", quantity="1")], owner=OWNER, entity=("subscription", "s-1")
    )
    found = decide_permits([DRAFT, small], environment(usd="11.99"), answered=GuardContext(), approved=(), largest={})
    assert list(found.decisions.values()) == [Decision.WAIT, Decision.APPLY]
    assert [group.group for group in found.groups] == ["usage/in_1"]


def test_a_draft_with_nothing_to_write_is_in_no_question() -> None:
    empty = reconcile(invoice(), [], owner=OWNER, entity=("subscription", "s-1"))
    found = decide_permits([empty], environment(Mode.PROPOSE), answered=GuardContext(), approved=(), largest={})
    assert (found.decisions, found.waits, found.groups) == ({}, [], [])
